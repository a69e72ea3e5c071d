/**
 * CrowdSec's Central API (CAPI) for tests: an HTTP server on loopback with the rules of /v2 and /v3. A test sets the decisions and
 * reads the signals through the methods below. /v2 serves a real engine in test/real/fake-capi.test.ts; /v3 follows CrowdSec's
 * published contract, for no client or server of it can be had for a test.
 */

import { type CapiExchange, type GzipRule, send } from './capi-answer.js'
import { capiBodies, type MachineIdRule } from './capi-bodies.js'
import { CapiLinks } from './capi-links.js'
import { type Allowlist, type Blocklist, CapiLists, type CommunityDecision } from './capi-lists.js'
import { type CapiMachine, CapiMachines } from './capi-machines.js'
import { route } from './capi-routes.js'
import type { CapiRules, CapiState, ReceivedReport } from './capi-state.js'
import type { TokenShape } from './capi-token.js'
import { FakeServer, type FakeServerOptions } from './fake-server.js'
import { type FaultRate, RandomFaults } from './fault-rate.js'
import type { Arrival, CapiFault } from './faults.js'
import { LoginThrottle } from './login-throttle.js'
import { type ReceivedSignal, SignalInbox } from './signal-inbox.js'

export interface FakeCapiOptions extends FakeServerOptions {
  /** Machines that are registered already: id to password. Default none. */
  readonly machines?: Readonly<Record<string, string>>
  /** Which ids may log in. Default `48`: exactly 48 letters and digits. */
  readonly machineIdRule?: MachineIdRule
  /** Milliseconds. Default one hour. */
  readonly tokenLifetime?: number
  /** Default `normal`. */
  readonly tokenShape?: TokenShape
  /** The status of a login with wrong credentials. Default 403, as the contract has it; clients have met 401. */
  readonly badLogin?: 401 | 403
  /**
   * More than 20 logins in 50 minutes from one address bring an hour of 403: `logins` (default) for every login, `requests` for
   * every authenticated request too.
   */
  readonly throttle?: 'logins' | 'requests' | 'off'
  /** Those that enroll a machine; all others are refused. Default none. */
  readonly attachmentKeys?: readonly string[]
  /** Signals that one push may have. Default 250. */
  readonly batchLimit?: number
  /** Refuses signals with fields that are not in the contract, such as `sent`, and with null. Default false. */
  readonly strict?: boolean
  /** The status of a push in which one signal is not as the contract has it. Default 400. */
  readonly onPoison?: 400 | 413 | 422
  /** Called with each accepted push, before it is answered. */
  readonly onSignals?: (batch: readonly ReceivedSignal[]) => void
  /**
   * Which answers are in gzip, those of linked lists too: `never` (default), `when asked` by `Accept-Encoding`, or `always`, as a
   * store has it that keeps its files packed.
   */
  readonly gzip?: GzipRule
  /** Faults by chance, until `heal()`. */
  readonly faultRate?: FaultRate
}

const hour = 60 * 60_000

/** A client's base URL is `url` with `/v3` behind it. */
export class FakeCapi extends FakeServer<CapiFault> {
  readonly #state: CapiState
  readonly #gzip: GzipRule
  #chance: RandomFaults | null

  /** Resolves when it listens. Call `stop()` in the end. */
  static async start(options: FakeCapiOptions = {}): Promise<FakeCapi> {
    const capi = new FakeCapi(options)
    await capi.up()
    return capi
  }

  private constructor(options: FakeCapiOptions) {
    super(options)
    const lists = new CapiLists()
    const { machineIdRule = '48', batchLimit = 250, strict = false } = options
    this.#state = {
      rules: rulesOf(options),
      bodies: capiBodies(machineIdRule, { batchLimit, strict }),
      machines: new CapiMachines(),
      throttle: new LoginThrottle(),
      lists,
      links: new CapiLinks(lists),
      inbox: new SignalInbox(),
      metrics: [],
      usageMetrics: [],
    }
    this.#gzip = options.gzip ?? 'never'
    this.#chance = options.faultRate ? new RandomFaults(options.faultRate) : null
    for (const [id, password] of Object.entries(options.machines ?? {})) this.#state.machines.register(id, password)
  }

  protected override answer(exchange: CapiExchange): Promise<void> {
    return send(exchange, route(this.#state, exchange), { gzip: this.#gzip, stopping: this.stopping })
  }

  protected override faultFor(request: Arrival): CapiFault | null {
    return super.faultFor(request) ?? this.#chance?.take() ?? null
  }

  /** Forgets all faults, those by chance too. */
  override heal(): void {
    super.heal()
    this.#chance = null
  }

  /** Every registered machine, in order of registration. */
  machines(): readonly CapiMachine[] {
    return this.#state.machines.list()
  }

  /** Makes the tokens of one machine, or of all, good no longer: 401 from now on. */
  revokeTokens(machineId?: string): void {
    this.#state.machines.revoke(machineId)
  }

  /** Forgets how often anybody has logged in, and ends every hour of 403. */
  forgetLogins(): void {
    this.#state.throttle.clear()
  }

  /** Every signal that was accepted, in order. */
  get signals(): readonly ReceivedSignal[] {
    return this.#state.inbox.all()
  }

  /** Every arrival of one signal. */
  signalsOf(uuid: string): readonly ReceivedSignal[] {
    return this.#state.inbox.of(uuid)
  }

  /** The different uuids that have arrived. */
  uuids(): ReadonlySet<string> {
    return this.#state.inbox.uuids()
  }

  /** Every arrival of a uuid after its first. */
  duplicates(): readonly ReceivedSignal[] {
    return this.#state.inbox.duplicates()
  }

  /** Bodies of `POST /metrics`. */
  get metrics(): readonly ReceivedReport[] {
    return this.#state.metrics
  }

  /** Bodies of `POST /usage-metrics`. */
  get usageMetrics(): readonly ReceivedReport[] {
    return this.#state.usageMetrics
  }

  /** Replaces the community's list. */
  setCommunity(decisions: Iterable<CommunityDecision>): void {
    this.#state.lists.setCommunity(decisions)
  }

  /** Takes a value off the community's list; every pull names it as deleted, until it is set again. Default scope `ip`. */
  delete(value: string, scope = 'ip'): void {
    this.#state.lists.delete(value, scope)
  }

  /** Adds a blocklist, or replaces the one of that name: its content is new from now on. */
  addBlocklist(list: Blocklist): void {
    this.#state.lists.addBlocklist(list, this.clock.tick())
  }

  /** Its link is gone, and an old one gets 404. */
  removeBlocklist(name: string): void {
    this.#state.lists.blocklists.delete(name)
  }

  /** Adds an allowlist, or replaces the one of that name. */
  addAllowlist(list: Allowlist): void {
    this.#state.lists.addAllowlist(list, this.clock.tick())
  }

  removeAllowlist(name: string): void {
    this.#state.lists.allowlists.delete(name)
  }
}

function rulesOf(options: FakeCapiOptions): CapiRules {
  return {
    tokenLifetime: options.tokenLifetime ?? hour,
    tokenShape: options.tokenShape ?? 'normal',
    badLogin: options.badLogin ?? 403,
    throttle: options.throttle ?? 'logins',
    attachmentKeys: new Set(options.attachmentKeys),
    onPoison: options.onPoison ?? 400,
    onSignals: options.onSignals ?? (() => {}),
  }
}
