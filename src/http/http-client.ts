/** The one HTTP transport, on undici: one base URL, kept connections, a deadline on every exchange, errors with codes. */

import type { LookupFunction } from 'node:net'
import type { Dispatcher } from 'undici'
import { BouncerError } from '../errors.js'
import { type Logger, silentLogger } from '../logger.js'
import { systemCodeOf } from '../thrown.js'
import { type BaseUrl, parseBaseUrl } from './base-url.js'
import { Connections } from './connections.js'
import { ContentCodingError, unpacked } from './content-coding.js'
import { Deadline } from './deadline.js'
import { explainTls } from './tls-errors.js'
import { type TlsFilePaths, TlsFiles } from './tls-files.js'
import { unlessAborted } from './unless-aborted.js'

export interface HttpClientOptions {
  /** With or without a path and a trailing slash, or a unix socket; see `parseBaseUrl`. */
  readonly baseUrl: string
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls?: TlsFilePaths & { /** Default true. */ readonly verify?: boolean }
  /** Hears of certificates. */
  readonly logger?: Logger
  /**
   * How the server's name becomes the address that is connected to, in place of the system's way; a `BouncerError` of its is
   * thrown on as it is. A proxy of the environment looks up names by itself.
   */
  readonly lookup?: LookupFunction | undefined
  /** Asks for bodies in gzip, and unpacks them; any other coding is a `ContentCodingError`. Default false: a body is what comes. */
  readonly gzip?: boolean
}

export interface HttpRequest {
  /** Below the base URL, without a leading slash. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** Beside those of every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds for the whole exchange, the body included. */
  readonly deadline: number
  /** Gives up early. */
  readonly signal: AbortSignal
}

export interface HttpPost extends HttpRequest {
  /** JSON. */
  readonly body: string
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The bytes as they come; not reading on holds the sender back. Failures throw `BouncerError`, and `ContentCodingError`. */
  readonly body: AsyncIterable<Uint8Array>
  /** At most `limit` bytes of the body as text, for error messages. */
  excerpt(limit: number): Promise<string>
  /** Lets go of the rest of the body. */
  discard(): void
}

export class HttpClient {
  readonly #base: BaseUrl
  readonly #headers: Readonly<Record<string, string>>
  readonly #tlsFiles: TlsFiles
  readonly #verify: boolean
  readonly #lookup: LookupFunction | undefined
  readonly #gzip: boolean
  #connections: Connections
  #isClosed = false

  /** Reads certificates at once and connects when first asked. Throws `ERR_CSB_TLS` and `ERR_CSB_CONFIG`. */
  constructor(options: HttpClientOptions) {
    const base = parseBaseUrl(options.baseUrl)
    if (base === null) throw new BouncerError('ERR_CSB_CONFIG', 'expected a base URL with http, https or unix')
    this.#base = base
    this.#gzip = options.gzip ?? false
    this.#headers = this.#gzip ? { ...options.headers, 'accept-encoding': 'gzip' } : options.headers
    this.#verify = options.tls?.verify ?? true
    this.#lookup = options.lookup
    this.#tlsFiles = new TlsFiles(options.tls ?? {}, options.logger ?? silentLogger)
    this.#connections = this.#connect()
  }

  /** Where requests go, fit for messages: no credentials, no query. */
  get target(): string {
    return this.#base.target
  }

  /**
   * Throws `ERR_CSB_CONNECT`, `ERR_CSB_TLS`, `ERR_CSB_CONNECTION_LOST` or `ERR_CSB_TIMEOUT`; the signal's own reason when it is
   * aborted.
   */
  get(request: HttpRequest): Promise<HttpResponse> {
    return this.#exchange('GET', request)
  }

  /** Throws what `get` throws. */
  post(request: HttpPost): Promise<HttpResponse> {
    return this.#exchange('POST', request)
  }

  /** Closes every connection, also those in use; an exchange that began before certificates were replaced ends by its own deadline. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#connections.destroy()
  }

  async #exchange(method: 'GET' | 'POST', request: HttpRequest & { readonly body?: string }): Promise<HttpResponse> {
    const url = new URL(request.path, this.#base.url)
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value)
    const deadline = new Deadline(request.deadline, request.signal)
    const explain = (error: unknown) => this.#explain(error, request, deadline)
    try {
      // A look may hang, as on a network drive: what it finds then counts for a later request.
      await unlessAborted(this.#lookAtFiles(), deadline.signal)
      const exchange = this.#connections.dispatcher.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: this.#headersOf(request),
        body: request.body ?? null,
        signal: deadline.signal,
      })
      // undici heeds its signal only once it is connected, so that a connect that hangs would outlast the deadline.
      const answer = await unlessAborted(exchange, deadline.signal)
      return new UndiciResponse(answer, { deadline, explain, gzip: this.#gzip })
    } catch (error) {
      deadline.clear()
      throw explain(error)
    }
  }

  async #lookAtFiles(): Promise<void> {
    // While the files were looked at it may have been closed, and then must not connect anew.
    if ((await this.#tlsFiles.haveChanged()) && !this.#isClosed) this.#reconnect()
  }

  #headersOf({ headers, body }: HttpRequest & { readonly body?: string }): Readonly<Record<string, string>> {
    if (headers === undefined && body === undefined) return this.#headers
    return { ...this.#headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }
  }

  #connect(): Connections {
    const { material: tls } = this.#tlsFiles
    return new Connections({ base: this.#base, tls, verify: this.#verify, lookup: this.#lookup })
  }

  /** A server goes by the certificate that a connection began with, however old it has become. */
  #reconnect(): void {
    const retired = this.#connections
    this.#connections = this.#connect()
    void retired.retire()
  }

  #explain(error: unknown, request: HttpRequest, deadline: Deadline): unknown {
    if (request.signal.aborted) return request.signal.reason
    if (error instanceof BouncerError || error instanceof ContentCodingError) return error
    const code = systemCodeOf(error) ?? ''
    // undici adds the bytes that it could not parse, and an answer may hold or repeat a secret.
    if (error instanceof Error && 'data' in error) Reflect.deleteProperty(error, 'data')
    if (deadline.isOver) {
      const message = `${this.target} did not answer in full within ${request.deadline} ms`
      return new BouncerError('ERR_CSB_TIMEOUT', message, { cause: error })
    }
    const tls = explainTls(error, this.target)
    if (tls !== null) return tls
    const proxy = this.#connections.mayUseProxy ? ' through the proxy of the environment' : ''
    const detail = `${proxyRefusal(error) ?? (code === '' ? String(error) : code)}${proxy}`
    if (wasNeverSent(error)) {
      return new BouncerError('ERR_CSB_CONNECT', `Nothing answers at ${this.target} (${detail})`, { cause: error })
    }
    const message = `The connection to ${this.target} broke before the answer was complete (${detail})`
    return new BouncerError('ERR_CSB_CONNECTION_LOST', message, { cause: error })
  }
}

/** Whether the peer cannot have seen the request. The code alone does not tell: ETIMEDOUT may also end a read. */
function wasNeverSent(error: unknown): boolean {
  if (proxyRefusal(error) !== null) return true
  if (error instanceof AggregateError) return error.errors.every(wasNeverSent) // one for each address of a name
  if (!(error instanceof Error)) return false
  const syscall = 'syscall' in error ? error.syscall : undefined
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true
  return 'code' in error && error.code === 'UND_ERR_CONNECT_TIMEOUT'
}

/** What the proxy answered in place of leading on to the server; null if that is not what happened. */
function proxyRefusal(error: unknown): string | null {
  const status = error instanceof Error ? /^Proxy response \((\d+)\)/.exec(error.message)?.[1] : undefined
  return status === undefined ? null : `status ${status}`
}

interface ResponseTerms {
  readonly deadline: Deadline
  readonly explain: (error: unknown) => unknown
  /** Whether the body is unpacked. */
  readonly gzip: boolean
}

class UndiciResponse implements HttpResponse {
  readonly status: number
  readonly headers: HttpResponse['headers']
  readonly #body: Dispatcher.ResponseData['body']
  readonly #terms: ResponseTerms

  constructor(answer: Dispatcher.ResponseData, terms: ResponseTerms) {
    this.status = answer.statusCode
    this.headers = answer.headers
    this.#body = answer.body
    this.#terms = terms
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#read()
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    const { deadline, explain, gzip } = this.#terms
    try {
      yield* gzip ? unpacked(this.#body, this.headers['content-encoding']) : this.#body
    } catch (error) {
      this.discard()
      throw explain(error)
    } finally {
      deadline.clear()
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
    this.#terms.deadline.clear()
    this.#body.on('error', () => {})
    this.#body.destroy()
  }
}
