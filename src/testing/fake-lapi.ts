/**
 * A LAPI for tests: an HTTP server on loopback with the true semantics of the bouncer API of CrowdSec 1.4.6 or 1.7.8.
 * It has no watcher routes; a test changes the decisions through the methods below. Its answers for 1.4.6 are compared with a
 * real engine in test/real/fake-lapi.test.ts; those for 1.7.8 follow the engine's source.
 */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type BouncerSession, BouncerSessions } from './bouncer-sessions.js'
import { remainingDuration } from './decision-body.js'
import { type DecisionFilter, type DecisionRow, DecisionTable, type NewDecision } from './decision-table.js'
import type { LapiState } from './exchange.js'
import { type Fault, FaultQueue } from './faults.js'
import { LapiClock } from './lapi-clock.js'
import { handle } from './lapi-routes.js'
import { type BodyShape, lapiTraits } from './lapi-version.js'
import { type LoggedRequest, RequestLog } from './request-log.js'

export interface FakeLapiOptions {
  /** The version to play, in the body's shape and in everything else that a bouncer notices. Default `1.7.8`. */
  readonly bodyShape?: BodyShape
  /** Registered bouncers: name to key. Default one, `bouncer`, with the key `fake-lapi-key`. */
  readonly apiKeys?: Readonly<Record<string, string>>
  /** Default 0: any free port. It stays the same over `down()` and `up()`. */
  readonly port?: number
  /** Listens at a unix socket (LAPI since 1.6.1) in place of a port. */
  readonly socketPath?: string
  /** Unix milliseconds. Default: the monotonic clock, with fractions. It may stand still: `advance()` moves on from it. */
  readonly now?: () => number
  /** Milliseconds before each `startup=true` answer; a real LAPI takes 12 s for 500,000 decisions. Default 0. */
  readonly startupDelay?: number
}

/** An active decision, as the fake holds it. */
export interface ActiveDecision extends DecisionRow {
  /** What is left of it now, as the LAPI would print it. */
  readonly duration: string
}

const host = '127.0.0.1'

export class FakeLapi {
  readonly #server: Server
  readonly #state: LapiState
  readonly #stopping: AbortController
  readonly #firstKey: string
  readonly #socketPath: string | null
  #port: number

  /** Resolves when it listens. Call `stop()` in the end. */
  static async start(options: FakeLapiOptions = {}): Promise<FakeLapi> {
    const lapi = new FakeLapi(options)
    await lapi.up()
    return lapi
  }

  private constructor(options: FakeLapiOptions) {
    const traits = lapiTraits[options.bodyShape ?? '1.7.8']
    this.#stopping = new AbortController()
    this.#state = {
      traits,
      clock: new LapiClock(options.now ?? (() => performance.timeOrigin + performance.now())),
      table: new DecisionTable(),
      sessions: new BouncerSessions(traits),
      faults: new FaultQueue(),
      log: new RequestLog(),
      startupDelay: options.startupDelay ?? 0,
      stopping: this.#stopping.signal,
    }
    const keys = Object.entries(options.apiKeys ?? { bouncer: 'fake-lapi-key' })
    for (const [name, key] of keys) this.addBouncer(name, key)
    this.#firstKey = keys[0]?.[1] ?? ''
    this.#port = options.port ?? 0
    this.#socketPath = options.socketPath ?? null
    this.#server = createServer((request, response) => {
      // What handle() rejects with is a request that broke off; its connection is gone.
      handle(this.#state, request, response).catch(() => response.destroy())
    })
    // The LAPI keeps idle connections open; Node would close them after 5 s.
    this.#server.keepAliveTimeout = 0
  }

  /** Without a trailing slash; `unix:` and the path of a socket. */
  get url(): string {
    return this.#socketPath === null ? `http://${host}:${this.#port}` : `unix:${this.#socketPath}`
  }

  /** The key of the first bouncer. */
  get apiKey(): string {
    return this.#firstKey
  }

  /** Closes the port and every connection: connecting is refused from now on. Everything else is kept. */
  async down(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  /** Listens again, on the same port, as after a restart: ids, decisions and every `last_pull` survive. */
  async up(): Promise<void> {
    if (this.#server.listening) return
    if (this.#socketPath === null) this.#server.listen(this.#port, host)
    else this.#server.listen(this.#socketPath)
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
  }

  /** Ends it for good; no socket or timer is left. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.down()
  }

  /** `cscli bouncers add`. */
  addBouncer(name: string, key: string): void {
    this.#state.sessions.add(name, key, this.#state.clock.tick())
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
    return this.#state.table.add(decision, this.#state.clock.tick()).id
  }

  /** Adds `count` decisions that share one creation time; `make` gets 0, 1, 2, ... */
  bulk(count: number, make: (index: number) => NewDecision): void {
    const now = this.#state.clock.tick()
    for (let index = 0; index < count; index++) this.#state.table.add(make(index), now)
  }

  /** Ends active decisions now, as `cscli decisions delete` does; bouncers will hear of it. Returns how many. */
  delete(filter: DecisionFilter): number {
    return this.#state.table.expire(filter, this.#state.clock.tick())
  }

  /** Removes rows without a trace, as the deletion of an alert, a list refresh and the flush job do. Returns how many. */
  purge(filter: DecisionFilter): number {
    return this.#state.table.purge(filter)
  }

  /** A new database: no decisions, ids start again at 1, no bouncer has pulled. Default: the keys are registered again. */
  wipe(keys: 'kept' | 'lost' = 'kept'): void {
    this.#state.table.wipe()
    this.#state.sessions.wipe(keys, this.#state.clock.tick())
  }

  /** Every decision in force, duplicates included, by id. For tests to compare with. */
  active(): readonly ActiveDecision[] {
    const { clock, table, traits } = this.#state
    const now = clock.tick()
    return [...table.rows()]
      .filter((row) => row.until > now && !row.simulated)
      .map((row) => ({ ...row, duration: remainingDuration(row, traits, now) }))
  }

  /** Moves the clock of this LAPI forward. */
  advance(ms: number): void {
    this.#state.clock.advance(ms)
  }

  /** Lets something go wrong with the next requests (not with /health); several faults strike one after the other. */
  fault(fault: Fault, options: { /** Default: until `heal()`. */ readonly times?: number } = {}): void {
    this.#state.faults.add(fault, options.times ?? Number.POSITIVE_INFINITY)
  }

  /** Forgets all faults. */
  heal(): void {
    this.#state.faults.clear()
  }

  /** Every request so far, in order of arrival. */
  get requests(): readonly LoggedRequest[] {
    return this.#state.log.entries
  }

  /** Resolves when the next request (that matches) arrives. */
  nextRequest(match?: (request: LoggedRequest) => boolean): Promise<LoggedRequest> {
    return this.#state.log.next('arrived', match)
  }

  /** Resolves when the next request (that matches) has been answered, or dropped. */
  nextAnswer(match?: (request: LoggedRequest) => boolean): Promise<LoggedRequest> {
    return this.#state.log.next('finished', match)
  }
}
