/** What FakeLapi and FakeCapi have in common: a loopback port that stays the same, a clock that moves, faults and a log. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { answerMessage } from './answer.js'
import { type Exchange, readArrival } from './exchange.js'
import { answerFault } from './fault-answer.js'
import { type Arrival, type CapiFault, type Fault, type FaultOptions, FaultQueue } from './faults.js'
import { MovableClock } from './movable-clock.js'
import { type LoggedRequest, RequestLog } from './request-log.js'

export interface FakeServerOptions {
  /** Default 0: any free port. It stays the same over `down()` and `up()`. */
  readonly port?: number
  /** Unix milliseconds. Default: the monotonic clock, with fractions. It may stand still: `advance()` moves on from it. */
  readonly now?: () => number
}

const host = '127.0.0.1'

export abstract class FakeServer<AnyFault extends Fault | CapiFault> {
  protected readonly clock: MovableClock
  readonly #server: Server
  readonly #socketPath: string | null
  readonly #stopping = new AbortController()
  readonly #faults = new FaultQueue<AnyFault>()
  readonly #log = new RequestLog()
  #port: number

  protected constructor(options: FakeServerOptions, socketPath: string | null = null) {
    this.clock = new MovableClock(options.now ?? (() => performance.timeOrigin + performance.now()))
    this.#port = options.port ?? 0
    this.#socketPath = socketPath
    this.#server = createServer((request, response) => {
      // What this rejects with is a request that broke off; its connection is gone.
      this.#handle(request, response).catch(() => response.destroy())
    })
    // CrowdSec's servers keep idle connections open; Node would close them after 5 s.
    this.#server.keepAliveTimeout = 0
  }

  /** Answers as the true server does. */
  protected abstract answer(exchange: Exchange<AnyFault>): Promise<unknown>

  /** Aborted when the server stops: nothing waits on. */
  protected get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** The fault that strikes a request, or null. */
  protected faultFor(request: Arrival): AnyFault | null {
    return this.#faults.take(request)
  }

  /** Without a trailing slash; `unix:` and the path of a socket. */
  get url(): string {
    return this.#socketPath === null ? `http://${host}:${this.#port}` : `unix:${this.#socketPath}`
  }

  /** Closes the port and every connection: connecting is refused from now on. Everything else is kept. */
  async down(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  /** Listens again, on the same port, as after a restart: everything that it knew survives. */
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

  /** Moves the clock of this server forward. */
  advance(ms: number): void {
    this.clock.advance(ms)
  }

  /** Lets something go wrong with the next requests; of several faults that match one the first strikes until it is used up. */
  fault(fault: AnyFault, options: FaultOptions = {}): void {
    this.#faults.add(fault, options)
  }

  /** Forgets all faults. */
  heal(): void {
    this.#faults.clear()
  }

  /** Every request so far, in order of arrival. */
  get requests(): readonly LoggedRequest[] {
    return this.#log.entries
  }

  /** Resolves when the next request (that matches) arrives. */
  nextRequest(match?: (request: LoggedRequest) => boolean): Promise<LoggedRequest> {
    return this.#log.next('arrived', match)
  }

  /** Resolves when the next request (that matches) has been answered, or dropped. */
  nextAnswer(match?: (request: LoggedRequest) => boolean): Promise<LoggedRequest> {
    return this.#log.next('finished', match)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrival = await readArrival(request, this.clock)
    const finished = this.#log.arrived(arrival)
    try {
      const fault = this.faultFor(arrival)
      if (answerFault(request, response, fault)) return
      const { path, query, body, at } = arrival
      await this.answer({ request, response, path, query, body, now: at, fault })
    } catch (error) {
      // A wait that stop() ended; anything else is a mistake of the fake itself and must not look like the true server.
      if (!this.stopping.aborted && !response.headersSent) {
        answerMessage(request, response, 500, `${this.constructor.name}: ${error}`)
      }
    } finally {
      if (!response.writableEnded) response.destroy()
      finished(response.headersSent ? response.statusCode : null)
    }
  }
}
