/** The one HTTP transport, on undici: one base URL, kept connections, a deadline on every exchange, errors with codes. */

import { Agent, buildConnector, type Dispatcher } from 'undici'
import { BouncerError } from '../errors.js'
import { Deadline } from './deadline.js'

export interface HttpClientOptions {
  /** With or without a path and a trailing slash. */
  readonly baseUrl: string
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
}

export interface HttpRequest {
  /** Below the base URL, without a leading slash. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** Milliseconds for the whole exchange, the body included. */
  readonly deadline: number
  /** Gives up early. */
  readonly signal: AbortSignal
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The bytes as they come; not reading on holds the sender back. Failures throw `BouncerError`. */
  readonly body: AsyncIterable<Uint8Array>
  /** At most `limit` bytes of the body as text, for error messages. */
  excerpt(limit: number): Promise<string>
  /** Lets go of the rest of the body. */
  discard(): void
}

const CONNECT_TIMEOUT = 10_000

export class HttpClient {
  /** Where requests go, fit for messages: no credentials, no query. */
  readonly target: string
  readonly #base: URL
  readonly #headers: Readonly<Record<string, string>>
  readonly #connecting = new Set<AbortController>()
  // The deadline of each exchange bounds all of undici's own phases.
  readonly #agent = new Agent({
    connect: (options, callback) => this.#connect(options, callback),
    headersTimeout: 0,
    bodyTimeout: 0,
    connections: 4,
  })

  /** Connects when first asked. */
  constructor(options: HttpClientOptions) {
    this.#base = new URL(options.baseUrl.endsWith('/') ? options.baseUrl : `${options.baseUrl}/`)
    this.#headers = options.headers
    this.target = `${this.#base.origin}${this.#base.pathname}`
  }

  /** Throws `ERR_CSB_CONNECT`, `ERR_CSB_CONNECTION_LOST` or `ERR_CSB_TIMEOUT`; the signal's own reason when it is aborted. */
  async get(request: HttpRequest): Promise<HttpResponse> {
    const url = new URL(request.path, this.#base)
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value)
    const deadline = new Deadline(request.deadline, request.signal)
    const explain = (error: unknown) => this.#explain(error, request, deadline)
    try {
      const exchange = this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: this.#headers,
        signal: deadline.signal,
      })
      const answer = await unlessAborted(exchange, deadline.signal)
      return new UndiciResponse(answer, deadline, explain)
    } catch (error) {
      deadline.clear()
      throw explain(error)
    }
  }

  /** Closes every connection, also those in use. */
  async close(): Promise<void> {
    for (const connect of this.#connecting) connect.abort()
    await this.#agent.destroy()
  }

  /** Connects under way are known, because `destroy` leaves them to their timeout. */
  #connect(options: buildConnector.Options, callback: buildConnector.Callback): void {
    const abort = new AbortController()
    this.#connecting.add(abort)
    buildConnector({ timeout: CONNECT_TIMEOUT, signal: abort.signal })(options, (...outcome) => {
      this.#connecting.delete(abort)
      callback(...outcome)
    })
  }

  #explain(error: unknown, request: HttpRequest, deadline: Deadline): unknown {
    if (request.signal.aborted) return request.signal.reason
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (deadline.isOver) {
      const message = `${this.target} did not answer in full within ${request.deadline} ms`
      return new BouncerError('ERR_CSB_TIMEOUT', message, { cause: error })
    }
    const detail = code === '' ? String(error) : code
    if (wasNeverSent(error)) {
      return new BouncerError('ERR_CSB_CONNECT', `Nothing answers at ${this.target} (${detail})`, { cause: error })
    }
    const message = `The connection to ${this.target} broke before the answer was complete (${detail})`
    return new BouncerError('ERR_CSB_CONNECTION_LOST', message, { cause: error })
  }
}

/** undici heeds its signal only once it is connected, so that a connect that hangs would outlast the deadline. */
function unlessAborted<Result>(exchange: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    exchange.then(resolve, reject)
  })
}

/** Whether the peer cannot have seen the request. The code alone does not tell: ETIMEDOUT may also end a read. */
function wasNeverSent(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(wasNeverSent) // one for each address of a name
  if (!(error instanceof Error)) return false
  const syscall = 'syscall' in error ? error.syscall : undefined
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true
  return 'code' in error && error.code === 'UND_ERR_CONNECT_TIMEOUT'
}

class UndiciResponse implements HttpResponse {
  readonly status: number
  readonly headers: HttpResponse['headers']
  readonly #body: Dispatcher.ResponseData['body']
  readonly #deadline: Deadline
  readonly #explain: (error: unknown) => unknown

  constructor(answer: Dispatcher.ResponseData, deadline: Deadline, explain: (error: unknown) => unknown) {
    this.status = answer.statusCode
    this.headers = answer.headers
    this.#body = answer.body
    this.#deadline = deadline
    this.#explain = explain
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#read()
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#body
    } catch (error) {
      throw this.#explain(error)
    } finally {
      this.#deadline.clear()
    }
  }

  async excerpt(limit: number): Promise<string> {
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of this.body) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= limit) break
    }
    return Buffer.concat(chunks).subarray(0, limit).toString()
  }

  discard(): void {
    this.#deadline.clear()
    this.#body.on('error', () => {})
    this.#body.destroy()
  }
}
