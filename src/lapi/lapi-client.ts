/** The LAPI's API for bouncers (`/v1`, every version since 1.4): the decision stream. */

import type { DecisionChange, WireDecision } from '../decisions/wire-decision.js'
import { BouncerError } from '../errors.js'
import { HttpClient } from '../http/http-client.js'
import { parseRetryAfter } from '../http/retry-after.js'
import { readDecisionStream } from './stream-parser.js'

export interface LapiClientOptions {
  /** With or without trailing slash and path prefix, such as `http://127.0.0.1:8080`. */
  readonly apiUrl: string
  readonly apiKey: string
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
  readonly address: string
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

  constructor(options: LapiClientOptions) {
    const headers = { 'x-api-key': options.apiKey, 'user-agent': options.userAgent, accept: 'application/json' }
    this.#http = new HttpClient({ baseUrl: options.apiUrl, headers })
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
   * Every decision on an address, its ranges included (`GET /v1/decisions?ip=`, all versions). Moves this key's `last_pull`,
   * so that a stream under the same key and address loses changes (all versions, if its last pull is a minute old). Throws
   * what `openStream` throws.
   */
  async query({ address, deadline, signal }: QueryRequest): Promise<readonly WireDecision[]> {
    const response = await this.#http.get({ path: 'v1/decisions', query: { ip: address }, deadline, signal })
    const body = await response.excerpt(LONGEST_QUERY_ANSWER)
    if (response.status !== 200) {
      throw this.#refusal(response.status, body.slice(0, 200), parseRetryAfter(response.headers['retry-after']))
    }
    return parseQueryAnswer(body)
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  #refusal(status: number, excerpt: string, retryAfter: number | undefined): LapiError {
    const target = this.#http.target
    if (status === 401 || status === 403) {
      const message = `The LAPI at ${target} refuses the key given as api_key (status ${status}); see \`cscli bouncers list\``
      return new LapiError('ERR_CSB_LAPI_AUTH', message, status, retryAfter)
    }
    const said = excerpt === '' ? '' : `: ${JSON.stringify(excerpt)}`
    const hint = status === 404 || (status >= 300 && status < 400) ? '; check the path in api_url' : ''
    const message = `The LAPI at ${target} answered with status ${status}, expected 200${said}${hint}`
    return new LapiError('ERR_CSB_LAPI_STATUS', message, status, retryAfter)
  }
}

/** `null` where there is none (all versions), else an array. Elements that are no decisions are passed over. */
function parseQueryAnswer(body: string): readonly WireDecision[] {
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch (cause) {
    const message = `The LAPI's answer about an address is not JSON: ${JSON.stringify(body.slice(0, 60))}`
    throw new BouncerError('ERR_CSB_LAPI_BODY', message, { cause })
  }
  if (answer === null) return []
  if (!Array.isArray(answer))
    throw new BouncerError('ERR_CSB_LAPI_BODY', 'The LAPI answers about an address with no list')
  return answer.filter(isDecision)
}

function isDecision(element: unknown): element is WireDecision {
  if (typeof element !== 'object' || element === null) return false
  return ['type', 'scope', 'value', 'duration', 'origin', 'scenario'].every(
    (name) => typeof Reflect.get(element, name) === 'string',
  )
}

/** `scopes` in the plural: LAPI before 1.6.1 ignores `scope`. `startup` counts only as the word `true`. */
function queryOf({ kind, filter }: StreamRequest): Record<string, string> {
  const query: Record<string, string> = { startup: String(kind === 'startup') }
  if (filter.scopes.length > 0) query['scopes'] = filter.scopes.join(',')
  if (filter.origins.length > 0) query['origins'] = filter.origins.join(',')
  if (filter.scenariosContaining.length > 0) query['scenarios_containing'] = filter.scenariosContaining.join(',')
  if (filter.scenariosNotContaining.length > 0)
    query['scenarios_not_containing'] = filter.scenariosNotContaining.join(',')
  if (needsDuplicates(filter)) query['dedup'] = 'false'
  return query
}
