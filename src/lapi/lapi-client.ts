/** The LAPI's API for bouncers (`/v1`, every version since 1.4): the decision stream. */

import type { DecisionChange, WireDecision } from '../decisions/wire-decision.js'
import { BouncerError } from '../errors.js'
import { HttpClient, type HttpClientOptions } from '../http/http-client.js'
import { parseRetryAfter } from '../http/retry-after.js'
import { parseJson } from '../json/parse-json.js'
import { type Logger, silentLogger } from '../logger.js'
import { quoted } from '../quoted.js'
import { readDecisionStream } from './decision-stream.js'
import type { UsageMetrics } from './usage-metrics.js'

export interface LapiClientOptions {
  /** With or without trailing slash and path prefix, such as `http://127.0.0.1:8080`; or `unix:/run/crowdsec.sock`. */
  readonly apiUrl: string
  /** Undefined: the LAPI knows us by a certificate in `tls`. */
  readonly apiKey?: string | undefined
  readonly tls?: NonNullable<HttpClientOptions['tls']>
  /** Hears of certificates that are replaced. */
  readonly logger?: Logger
  /** `name/version`: exactly one slash, else the LAPI cannot tell the version and some routes refuse the request. */
  readonly userAgent: string
}

/** Which decisions the LAPI sends. An empty list filters nothing. */
export interface StreamFilter {
  readonly scopes: readonly string[]
  /** Case matters: `CAPI`, `lists`, `crowdsec`, `cscli`. */
  readonly origins: readonly string[]
  readonly scenariosContaining: readonly string[]
  readonly scenariosNotContaining: readonly string[]
}

export interface StreamRequest {
  /** `startup`: everything in force. `delta`: what changed since this key's last pull. */
  readonly kind: 'startup' | 'delta'
  readonly filter: StreamFilter
  /** Milliseconds for the whole answer. */
  readonly deadline: number
  readonly signal: AbortSignal
}

export interface QueryRequest {
  /** `ip`: an address, to which its ranges count. Else `scopes` and `value`, both exact. */
  readonly subject: { readonly ip: string } | { readonly scopes: string; readonly value: string }
  /** Its `scopes` are not sent: none but Ip and Range match an address, and a decision may spell them in any case. */
  readonly filter: StreamFilter
  /** Milliseconds for the whole answer. */
  readonly deadline: number
  readonly signal: AbortSignal
}

export interface UsageMetricsPush {
  readonly metrics: UsageMetrics
  /** Milliseconds for the whole answer. */
  readonly deadline: number
  readonly signal: AbortSignal
}

/** Bytes. One address has a handful of decisions. */
const LONGEST_QUERY_ANSWER = 1 << 20

/** A refusal by the LAPI that says when to come back. */
export class LapiError extends BouncerError {
  /** The HTTP status. */
  readonly status: number
  /** Milliseconds to wait, where the LAPI said so. */
  readonly retryAfter: number | undefined

  constructor(code: 'ERR_CSB_LAPI_AUTH' | 'ERR_CSB_LAPI_STATUS', message: string, status: number, retryAfter?: number) {
    super(code, message)
    this.status = status
    this.retryAfter = retryAfter
  }
}

/**
 * Whether the LAPI's own removal of duplicates must be off. It looks at all rows before it filters, so that a decision that
 * passes the filter is hidden by a longer one that does not (crowdsec#3373, all versions).
 */
export function needsDuplicates(filter: StreamFilter): boolean {
  return filter.origins.length + filter.scenariosContaining.length + filter.scenariosNotContaining.length > 0
}

export class LapiClient {
  readonly #http: HttpClient
  /** What the LAPI knows us by. */
  readonly #identity: string

  constructor(options: LapiClientOptions) {
    const { apiUrl, apiKey, userAgent, tls = {}, logger = silentLogger } = options
    const key = apiKey === undefined ? {} : { 'x-api-key': apiKey }
    const headers = { ...key, 'user-agent': userAgent, accept: 'application/json' }
    this.#identity = apiKey === undefined ? 'certificate given as tls_cert_file' : 'key given as api_key'
    this.#http = new HttpClient({ baseUrl: apiUrl, headers, tls, logger })
  }

  /** Where the LAPI is, fit for messages. */
  get target(): string {
    return this.#http.target
  }

  /**
   * Asks for the stream and returns its changes as they arrive. Throws (also while iterating) `ERR_CSB_LAPI_AUTH`,
   * `ERR_CSB_LAPI_STATUS`, `ERR_CSB_LAPI_BODY`, and what `HttpClient.get` throws.
   */
  async openStream(request: StreamRequest): Promise<AsyncGenerator<DecisionChange>> {
    const { deadline, signal } = request
    const response = await this.#http.get({ path: 'v1/decisions/stream', query: queryOf(request), deadline, signal })
    if (response.status === 200) {
      return readDecisionStream(response.body, { sections: request.kind === 'startup' ? 'new' : 'both' })
    }
    const retryAfter = parseRetryAfter(response.headers['retry-after'])
    const excerpt = await response.excerpt(200).catch(() => '')
    response.discard()
    throw this.#refusal(response.status, excerpt, retryAfter)
  }

  /**
   * Every decision on an address, its ranges included, or on another value (`GET /v1/decisions`, all versions). Moves this key's
   * `last_pull`, so that a stream under the same key and address loses changes (all versions, if its last pull is a minute
   * old). Throws what `openStream` throws.
   */
  async query({ subject, filter, deadline, signal }: QueryRequest): Promise<readonly WireDecision[]> {
    const query = { ...subject, ...filterQuery(filter) }
    const response = await this.#http.get({ path: 'v1/decisions', query, deadline, signal })
    const body = await response.excerpt(LONGEST_QUERY_ANSWER)
    if (response.status !== 200) {
      throw this.#refusal(response.status, body.slice(0, 200), parseRetryAfter(response.headers['retry-after']))
    }
    return parseQueryAnswer(body)
  }

  /**
   * Tells what a bouncer has done (`POST /v1/usage-metrics`, since 1.6.3; older ones answer 404). Not compressed: LAPI before
   * 1.7.0 cannot read that. Throws what `openStream` throws unless the LAPI has accepted it (201; its documentation says 200).
   */
  async pushUsageMetrics({ metrics, deadline, signal }: UsageMetricsPush): Promise<void> {
    const body = JSON.stringify(metrics)
    const response = await this.#http.post({ path: 'v1/usage-metrics', body, deadline, signal })
    const excerpt = await response.excerpt(200)
    if (response.status === 201) return
    throw this.#refusal(response.status, excerpt, parseRetryAfter(response.headers['retry-after']), 201)
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  #refusal(status: number, excerpt: string, retryAfter: number | undefined, expected = 200): LapiError {
    const target = this.#http.target
    if (status === 401 || status === 403) {
      const message = `The LAPI at ${target} refuses the ${this.#identity} (status ${status}); see \`cscli bouncers list\``
      return new LapiError('ERR_CSB_LAPI_AUTH', message, status, retryAfter)
    }
    const said = excerpt === '' ? '' : `: ${JSON.stringify(excerpt)}`
    const hint = status === 404 || (status >= 300 && status < 400) ? '; check the path in api_url' : ''
    const message = `The LAPI at ${target} answered with status ${status}, expected ${expected}${said}${hint}`
    return new LapiError('ERR_CSB_LAPI_STATUS', message, status, retryAfter)
  }
}

/**
 * `null` where there is none (all versions), else an array. Elements that are no decisions are passed over, as in the stream;
 * where none of them is one, it is no answer of a LAPI.
 */
function parseQueryAnswer(body: string): readonly WireDecision[] {
  const answer = parseJson(body)
  if (answer === null) return []
  if (Array.isArray(answer)) {
    const decisions = answer.filter(isDecision)
    if (decisions.length > 0 || answer.length === 0) return decisions
  }
  const flaw = answer === undefined ? 'is not JSON' : 'has no decisions'
  throw new BouncerError('ERR_CSB_LAPI_BODY', `The LAPI's answer about a value ${flaw}: ${quoted(body)}`)
}

function isDecision(element: unknown): element is WireDecision {
  if (typeof element !== 'object' || element === null) return false
  const id: unknown = Reflect.get(element, 'id')
  const texts = ['type', 'scope', 'value', 'duration', 'origin', 'scenario'].map((name) => Reflect.get(element, name))
  return (id === undefined || typeof id === 'number') && texts.every((text) => typeof text === 'string')
}

/** `scopes` in the plural: LAPI before 1.6.1 ignores `scope`. `startup` counts only as the word `true`. */
function queryOf({ kind, filter }: StreamRequest): Record<string, string> {
  const query: Record<string, string> = { startup: String(kind === 'startup'), ...filterQuery(filter) }
  if (filter.scopes.length > 0) query['scopes'] = filter.scopes.join(',')
  if (needsDuplicates(filter)) query['dedup'] = 'false'
  return query
}

function filterQuery(filter: StreamFilter): Record<string, string> {
  const query: Record<string, string> = {}
  if (filter.origins.length > 0) query['origins'] = filter.origins.join(',')
  if (filter.scenariosContaining.length > 0) query['scenarios_containing'] = filter.scenariosContaining.join(',')
  if (filter.scenariosNotContaining.length > 0)
    query['scenarios_not_containing'] = filter.scenariosNotContaining.join(',')
  return query
}
