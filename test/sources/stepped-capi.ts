/** CAPI as a source, on a FakeCapi, whose pulls happen when the test says so; judged through the policy, allowlists and all. */

import { onTestFinished } from 'vitest'
import { CapiApi } from '../../src/capi/api/capi-api.js'
import { LinkedLists } from '../../src/capi/decisions/linked-lists.js'
import type { TokenHolder } from '../../src/capi/machines/machines.js'
import { Judge } from '../../src/decisions/judge.js'
import { Severity } from '../../src/decisions/severity.js'
import { RequestCounts } from '../../src/metrics/request-counts.js'
import { PrefixSet, prefixesIn } from '../../src/net/prefix-set.js'
import { Policy } from '../../src/policy.js'
import { GuardRails } from '../../src/remediation/guard-rails.js'
import { CapiSource, type CapiSourceOptions } from '../../src/sources/capi-source.js'
import { ConnectedSource } from '../../src/sources/connected-source.js'
import { LinkedAllowlists } from '../../src/sources/linked-allowlists.js'
import { FakeCapi, type FakeCapiOptions } from '../../src/testing/index.js'
import { memoryLogger, SteppedPause } from './stepped-lapi.js'

export const MACHINE = 'm'.repeat(48)
const PASSWORD = 'p'.repeat(32)

export interface SteppedCapiOptions extends Partial<Omit<CapiSourceOptions, 'pause'>> {
  /** The user's own allowlist. */
  readonly own?: readonly string[]
  readonly snapshot?: string
  readonly allowPrivateLinks?: boolean
}

export class SteppedCapi {
  readonly capi: FakeCapi
  readonly connected: ConnectedSource
  readonly allowlists: LinkedAllowlists
  /** What was logged at any level. */
  readonly lines: string[] = []
  readonly errors: Error[] = []
  readonly #pause = new SteppedPause()
  readonly #policy: Policy
  readonly #judge: Judge
  #synced = 0
  #isStarted = false
  /** Milliseconds that the clock of the allowlists and of the held copies has moved on. */
  ahead = 0

  constructor(capi: FakeCapi, options: SteppedCapiOptions = {}) {
    this.capi = capi
    const { own = [], snapshot: path, allowPrivateLinks = true, ...over } = options
    const logger = memoryLogger(this.lines)
    const severity = new Severity()
    const clock = () => performance.now() + this.ahead
    const snapshot = (name: string) => (path === undefined ? null : { path: path + name, interval: 3_600_000 })
    this.allowlists = new LinkedAllowlists({ logger, snapshot: snapshot('.allowlists'), settings: '', clock })
    const api = new CapiApi({ baseUrl: `${capi.url}/v3`, userAgent: 'test/v1' })
    const source = new CapiSource({
      api,
      machines: holderOf(api),
      machineId: MACHINE,
      lists: new LinkedLists({ userAgent: 'test/v1', allowPrivateLinks, allowHttp: true }),
      allowlists: this.allowlists,
      pullInterval: 7_200_000,
      communityPull: true,
      additionalPull: true,
      logger,
      clock,
      ...over,
      pause: this.#pause.wait,
    })
    const listener = {
      synced: () => void this.#synced++,
      failed: (_: string, error: Error) => void this.errors.push(error),
    }
    this.connected = new ConnectedSource(source, { severity, logger, listener, snapshot: snapshot('') })
    this.#judge = new Judge([this.connected])
    this.#policy = new Policy(this.#judge, new RequestCounts(), {
      allowlists: [new PrefixSet(prefixesIn(own)), this.allowlists],
      guardRails: new GuardRails({ scenarioActions: {}, originActions: {} }, severity),
      invalidAddressAction: 'allow',
    })
    onTestFinished(async () => {
      await this.stop()
      await api.close()
    })
  }

  /** How long the source wanted to wait after each pull, in milliseconds. */
  get waits(): readonly number[] {
    return this.#pause.waits
  }

  /** Lets one pull happen. Tells whether it was a success, and what failed. */
  async pull(): Promise<string> {
    const [synced, failed] = [this.#synced, this.errors.length]
    if (this.#isStarted) await this.#pause.step()
    else {
      this.#isStarted = true
      await this.allowlists.load()
      void this.connected.start()
      await this.#pause.reached
    }
    const codes = this.errors.slice(failed).map((error) => ('code' in error ? error.code : error.name))
    return [this.#synced > synced ? 'synced' : 'no sync', ...codes].join(' ')
  }

  async stop(): Promise<void> {
    await this.connected.stop()
    await this.allowlists.stop()
  }

  /** The verdicts on these addresses, in one text. */
  actions(...addresses: readonly string[]): string {
    return addresses.map((address) => this.#policy.verdict(address, undefined).action).join(' ')
  }

  /** `origin scenario type` of each decision on an address. */
  decisions(address: string): readonly string[] {
    const found = this.#judge.explain(address, undefined)
    return found.map(({ origin, scenario, type }) => `${origin} ${scenario} ${type}`).sort()
  }

  /** Milliseconds that the decision which wins holds on. */
  left(address: string): number {
    return Date.parse(this.#judge.explain(address, undefined)[0]?.until ?? '') - Date.now()
  }

  /** The downloads since the last call: path, and `if` where the request was conditional. */
  downloads(): readonly string[] {
    const fresh = this.capi.requests.slice(this.#seen).filter(({ path }) => path.includes('lists/'))
    this.#seen = this.capi.requests.length
    return fresh.map(({ path, headers, status }) => {
      const condition = headers['if-modified-since'] === undefined ? '' : 'if '
      return `${condition}${path.replace(/^\/(block|allow)lists\//, '')} ${status}`
    })
  }
  #seen = 0
}

/** Where the clock of the fake stands still, and in the past: what it serves is older than any download of ours. */
export async function steppedCapi(
  options: SteppedCapiOptions = {},
  capiOptions: FakeCapiOptions = {},
): Promise<{ readonly capi: FakeCapi; readonly stepped: SteppedCapi }> {
  const began = Date.now() - 60_000
  const capi = await FakeCapi.start({ now: () => began, machines: { [MACHINE]: PASSWORD }, ...capiOptions })
  onTestFinished(() => capi.stop())
  return { capi, stepped: new SteppedCapi(capi, options) }
}

/** Logs in once. */
function holderOf(api: CapiApi): TokenHolder {
  let token: Promise<string> | null = null
  return {
    async withToken(machineId, signal, request) {
      token ??= api
        .login({ machineId, password: PASSWORD, scenarios: [], deadline: 5000, signal })
        .then((answer) => answer.token)
      token.catch(() => {
        token = null
      })
      return request(await token)
    },
  }
}
