/** CrowdSec's Central API (CAPI), one method for each call of version 3: what is sent, what comes back, and what refuses. */

import { ContentCodingError } from '../../http/content-coding.js'
import { HttpClient, type HttpResponse } from '../../http/http-client.js'
import { parseRetryAfter } from '../../http/retry-after.js'
import { readSlicedJson } from '../../json/json-slices.js'
import { parseJson } from '../../json/parse-json.js'
import { type Logger, silentLogger } from '../../logger.js'
import { CapiError } from '../capi-error.js'
import type { CapiDecisions } from '../decisions/capi-decisions.js'
import { readDecisions } from '../decisions/decisions-answer.js'
import type { Signal } from '../signals/signal.js'
import { notingHead, readBody } from './answer-body.js'
import { answerExcerpt } from './answer-excerpt.js'
import { capiBaseUrl } from './base-url.js'
import type {
  CapiCall,
  CapiMetrics,
  DecisionsRequest,
  EnrollAnswer,
  EnrollRequest,
  LoginAnswer,
  LoginRequest,
} from './capi-calls.js'
import { readLogin } from './login-answer.js'
import { refusalError } from './refusal.js'

export interface CapiApiOptions {
  /** `production`, `development`, or a URL with the version in it, such as `https://api.crowdsec.net/v3`. */
  readonly baseUrl: string
  /** `name/version`. */
  readonly userAgent: string
  /** Hears of decisions that could not be read. */
  readonly logger?: Logger
}

/** Bytes of an answer that says little. */
const LONGEST_ANSWER = 64 * 1024

/** Bytes. A premium list has hundreds of thousands of decisions, of fifty bytes each. */
const LONGEST_DECISIONS = 256 * 1024 * 1024

/** Characters of an answer that are looked at for what is shown of it, which is less. */
const LONGEST_EXCERPT = 4096

/** One exchange. */
interface Exchange {
  /** Below the base URL. */
  readonly path: string
  readonly call: CapiCall
  readonly token?: string
  /** JSON; without it the method is GET. */
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string>>
  /** What no message may hold. */
  readonly secrets: readonly string[]
}

/** A short answer. */
interface Answer {
  readonly status: number
  readonly text: string
}

/**
 * Every method throws `CapiError`: `ERR_CSB_CAPI_AUTH` (401, 403), `ERR_CSB_CAPI_STATUS`, `ERR_CSB_CAPI_BODY`; and what
 * `HttpClient` throws where there is no answer. None tries twice: that is for `Machines` to say. Redirects are not followed.
 */
export class CapiApi {
  readonly #http: HttpClient
  readonly #logger: Logger

  /** Connects when first asked. Throws `ERR_CSB_CONFIG`. */
  constructor({ baseUrl, userAgent, logger = silentLogger }: CapiApiOptions) {
    const headers = { 'user-agent': userAgent, accept: 'application/json' }
    this.#http = new HttpClient({ baseUrl: capiBaseUrl(baseUrl), headers, gzip: true })
    this.#logger = logger
  }

  /** The base URL, fit for messages. */
  get target(): string {
    return this.#http.target
  }

  /** Throws `ERR_CSB_CAPI_REGISTERED` where the id is taken (500 "User already registered"), perhaps by an earlier try of ours. */
  async register({ machineId, password, ...call }: Omit<LoginRequest, 'scenarios'>): Promise<void> {
    const body = { machine_id: machineId, password }
    await this.#tell({ path: 'watchers', call, body, secrets: [password] })
  }

  /** Throws `ERR_CSB_CAPI_BODY` where the answer has no token. */
  async login({ machineId, password, scenarios, ...call }: LoginRequest): Promise<LoginAnswer> {
    const body = { machine_id: machineId, password, ...(scenarios.length === 0 ? {} : { scenarios }) }
    const exchange: Exchange = { path: 'watchers/login', call, body, secrets: [password] }
    const { status, text } = await this.#ask(exchange)
    const answer = readLogin(parseJson(text))
    if (answer !== null) return answer
    // What is not where a token should be may well be one, and an opaque one looks like any text.
    const shown = /^\s*</.test(text) ? text : `${text.length} characters that are not shown`
    throw this.#malformed(exchange, 'JSON with a token', status, shown)
  }

  /** Throws `ERR_CSB_CAPI_ENROLL` for a 403, and for a 400 that speaks of the attachment key (`isKeyRefused`). */
  async enroll(token: string, request: EnrollRequest): Promise<EnrollAnswer> {
    const { attachmentKey, name, tags, overwrite, ...call } = request
    const body = { attachment_key: attachmentKey, name, tags, overwrite }
    const status = await this.#tell({ path: 'watchers/enroll', call, token, body, secrets: [token, attachmentKey] })
    // As `cscli console enroll` (1.5 to 1.7) reads it: 200 is "already", unless it was told to overwrite that.
    return status === 200 && !overwrite ? 'already enrolled' : 'accepted'
  }

  /** Sends one batch, as a JSON array. */
  async pushSignals(token: string, signals: readonly Signal[], call: CapiCall): Promise<void> {
    await this.#tell({ path: 'signals', call, token, body: signals, secrets: [token] })
  }

  async pushMetrics(token: string, metrics: CapiMetrics, call: CapiCall): Promise<void> {
    await this.#tell({ path: 'metrics', call, token, body: metrics, secrets: [token] })
  }

  /** What cannot be read in the answer is passed over and counted, unless it is all of it. */
  async decisions(token: string, request: DecisionsRequest): Promise<CapiDecisions> {
    const { communityPull = true, additionalPull = true, startup = false, ...call } = request
    const query = {
      ...(communityPull ? {} : { community_pull: 'false' }),
      ...(additionalPull ? {} : { additional_pull: 'false' }),
      ...(startup ? { startup: 'true' } : {}),
    }
    const exchange: Exchange = { path: 'decisions/stream', call, token, query, secrets: [token] }
    const response = await this.#open(exchange)
    let head = ''
    const body = notingHead(response.body, (text) => {
      head = text
    })
    const json = await readSlicedJson(body, LONGEST_DECISIONS).catch((error) => {
      if (error instanceof SyntaxError) return undefined
      throw this.#explained(exchange, response.status, error)
    })
    if (json === null) throw this.#malformed(exchange, `at most ${LONGEST_DECISIONS} bytes`, response.status, head)
    const decisions = json === undefined ? null : readDecisions(json)
    if (decisions === null) throw this.#malformed(exchange, 'JSON with new, deleted or links', response.status, head)
    const { skipped } = decisions
    if (skipped > 0) this.#logger.warn(`${skipped} groups, values or links of the decisions of CAPI cannot be read`)
    return decisions
  }

  async close(): Promise<void> {
    await this.#http.close()
  }

  /**
   * An exchange whose answer holds nothing that is needed. It is looked at all the same: where a portal or a proxy answers in
   * CAPI's place with 200 and a page, nothing has arrived.
   */
  async #tell(exchange: Exchange): Promise<number> {
    const { status, text } = await this.#ask(exchange)
    const answer = text.trim() === '' ? null : parseJson(text)
    if (typeof answer !== 'object') throw this.#malformed(exchange, 'a JSON object', status, text)
    return status
  }

  async #ask(exchange: Exchange): Promise<Answer> {
    const response = await this.#open(exchange)
    const text = await readBody(response.body, LONGEST_ANSWER).catch((error) => {
      throw this.#explained(exchange, response.status, error)
    })
    if (text === null) throw this.#malformed(exchange, `at most ${LONGEST_ANSWER} bytes`, response.status, 'more')
    return { status: response.status, text }
  }

  /** A 2xx, whose body has to be read. */
  async #open({ path, call, token, body, query, secrets }: Exchange): Promise<HttpResponse> {
    const request = {
      path,
      deadline: call.deadline,
      signal: call.signal,
      ...(query === undefined ? {} : { query }),
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    }
    const response = await (body === undefined
      ? this.#http.get(request)
      : this.#http.post({ ...request, body: JSON.stringify(body) }))
    const { status } = response
    if (status >= 200 && status < 300) return response
    const retryAfter = parseRetryAfter(response.headers['retry-after'])
    const said = await response.excerpt(LONGEST_ANSWER).catch(() => '')
    response.discard()
    throw refusalError({ target: this.target, path, status, body: said, retryAfter, secrets })
  }

  #malformed(exchange: Exchange, expected: string, status: number, text: string): CapiError {
    const got = answerExcerpt(text.slice(0, LONGEST_EXCERPT), exchange.secrets)
    return this.#noAnswer(exchange, status, `expected ${expected}, got ${got}`)
  }

  #explained(exchange: Exchange, status: number, error: unknown): unknown {
    return error instanceof ContentCodingError ? this.#noAnswer(exchange, status, error.message, error) : error
  }

  #noAnswer({ path }: Exchange, status: number, why: string, cause?: Error): CapiError {
    const message = `CAPI at ${this.target} answered ${path} with what it should not: ${why}`
    return new CapiError('ERR_CSB_CAPI_BODY', message, { status, cause })
  }
}
