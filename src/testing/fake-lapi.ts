/**
 * A LAPI for tests: an HTTP server on loopback with the true semantics of the bouncer API of CrowdSec 1.4.6 or 1.7.8.
 * It has no watcher routes; a test changes the decisions through the methods below. Its answers for 1.4.6 are compared with a
 * real engine in test/real/fake-lapi.test.ts; those for 1.7.8 follow the engine's source.
 */

import { type BouncerSession, BouncerSessions } from './bouncer-sessions.js'
import { remainingDuration } from './decision-body.js'
import { type DecisionFilter, type DecisionRow, DecisionTable, type NewDecision } from './decision-table.js'
import { FakeServer, type FakeServerOptions } from './fake-server.js'
import type { Arrival, Fault, FaultOptions } from './faults.js'
import { route } from './lapi-routes.js'
import type { LapiExchange, LapiState } from './lapi-state.js'
import { type BodyShape, lapiTraits } from './lapi-version.js'

export interface FakeLapiOptions extends FakeServerOptions {
  /** The version to play, in the body's shape and in everything else that a bouncer notices. Default `1.7.8`. */
  readonly bodyShape?: BodyShape
  /** Registered bouncers: name to key. Default one, `bouncer`, with the key `fake-lapi-key`. */
  readonly apiKeys?: Readonly<Record<string, string>>
  /** Listens at a unix socket (LAPI since 1.6.1) in place of a port. */
  readonly socketPath?: string
  /** Milliseconds before each `startup=true` answer; a real LAPI takes 12 s for 500,000 decisions. Default 0. */
  readonly startupDelay?: number
}

/** An active decision, as the fake holds it. */
export interface ActiveDecision extends DecisionRow {
  /** What is left of it now, as the LAPI would print it. */
  readonly duration: string
}

const streamPath = '/v1/decisions/stream'

export class FakeLapi extends FakeServer<Fault> {
  readonly #state: LapiState
  readonly #firstKey: string

  /** Resolves when it listens. Call `stop()` in the end. */
  static async start(options: FakeLapiOptions = {}): Promise<FakeLapi> {
    const lapi = new FakeLapi(options)
    await lapi.up()
    return lapi
  }

  private constructor(options: FakeLapiOptions) {
    super(options, options.socketPath)
    const traits = lapiTraits[options.bodyShape ?? '1.7.8']
    this.#state = {
      traits,
      table: new DecisionTable(),
      sessions: new BouncerSessions(traits),
      startupDelay: options.startupDelay ?? 0,
      stopping: this.stopping,
    }
    const keys = Object.entries(options.apiKeys ?? { bouncer: 'fake-lapi-key' })
    for (const [name, key] of keys) this.addBouncer(name, key)
    this.#firstKey = keys[0]?.[1] ?? ''
  }

  protected override answer(exchange: LapiExchange): Promise<void> {
    return route(this.#state, exchange)
  }

  /** None strikes /health: whoever waits for the server to be up sees it up. */
  protected override faultFor(request: Arrival): Fault | null {
    return request.path === '/health' ? null : super.faultFor(request)
  }

  /** A truncation waits for a stream request. */
  override fault(fault: Fault, options: FaultOptions = {}): void {
    const { match = () => true } = options
    const strikes = (request: Arrival) => request.path === streamPath && match(request)
    super.fault(fault, fault.kind === 'truncated' ? { ...options, match: strikes } : options)
  }

  /** The key of the first bouncer. */
  get apiKey(): string {
    return this.#firstKey
  }

  /** `cscli bouncers add`. */
  addBouncer(name: string, key: string): void {
    this.#state.sessions.add(name, key, this.clock.tick())
  }

  /** `cscli bouncers delete`: its key gets 403 from now on. */
  removeBouncer(name: string): void {
    this.#state.sessions.remove(name)
  }

  /** `cscli bouncers list`. */
  bouncers(): readonly BouncerSession[] {
    return this.#state.sessions.list()
  }

  /** Adds a decision and returns its id. */
  add(decision: NewDecision): number {
    return this.#state.table.add(decision, this.clock.tick()).id
  }

  /** Adds `count` decisions that share one creation time; `make` gets 0, 1, 2, ... */
  bulk(count: number, make: (index: number) => NewDecision): void {
    const now = this.clock.tick()
    for (let index = 0; index < count; index++) this.#state.table.add(make(index), now)
  }

  /** Ends active decisions now, as `cscli decisions delete` does; bouncers will hear of it. Returns how many. */
  delete(filter: DecisionFilter): number {
    return this.#state.table.expire(filter, this.clock.tick())
  }

  /** Removes rows without a trace, as the deletion of an alert, a list refresh and the flush job do. Returns how many. */
  purge(filter: DecisionFilter): number {
    return this.#state.table.purge(filter)
  }

  /** A new database: no decisions, ids start again at 1, no bouncer has pulled. Default: the keys are registered again. */
  wipe(keys: 'kept' | 'lost' = 'kept'): void {
    this.#state.table.wipe()
    this.#state.sessions.wipe(keys, this.clock.tick())
  }

  /** Every decision in force, duplicates included, by id. For tests to compare with. */
  active(): readonly ActiveDecision[] {
    const { table, traits } = this.#state
    const now = this.clock.tick()
    return [...table.rows()]
      .filter((row) => row.until > now && !row.simulated)
      .map((row) => ({ ...row, duration: remainingDuration(row, traits, now) }))
  }
}
