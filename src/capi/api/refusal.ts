/** A status of CAPI that means failure, as an error with one of our codes and what CAPI said about it. */

import { parseJson } from '../../json/parse-json.js'
import { CapiError, type CapiErrorCode } from '../capi-error.js'
import { answerExcerpt } from './answer-excerpt.js'

export interface Refusal {
  /** The base URL, fit for messages. */
  readonly target: string
  /** Below the base URL. */
  readonly path: string
  readonly status: number
  /** The answer's body, or its beginning. */
  readonly body: string
  /** Milliseconds, from `Retry-After`. */
  readonly retryAfter: number | undefined
  /** What the request held and no message may hold. */
  readonly secrets: readonly string[]
}

const KEY_REFUSED = 'The attachment key is refused by'

/** Whether CAPI said of the attachment key itself that it will not have it, so that it is the same for every machine. */
export function isKeyRefused(error: unknown): boolean {
  return error instanceof CapiError && error.code === 'ERR_CSB_CAPI_ENROLL' && error.message.startsWith(KEY_REFUSED)
}

export function refusalError(refusal: Refusal): CapiError {
  const { status, retryAfter } = refusal
  const words = wordsOf(refusal.body)
  const said = words === '' ? '' : `: ${answerExcerpt(words, refusal.secrets)}`
  const code = codeOf(refusal, words)
  return new CapiError(code, `${sentence(code, refusal, words)}${said}`, { status, retryAfter })
}

function codeOf({ path, status, body }: Refusal, words: string): CapiErrorCode {
  if (path === 'watchers' && status === 500 && /already registered/i.test(words)) return 'ERR_CSB_CAPI_REGISTERED'
  // A 403 to a good token says nothing of the machine's credentials, and must not hold up what else they are for.
  const isEnrollRefused = status === 403 || (status === 400 && speaksOfKey(words))
  if (path === 'watchers/enroll' && isEnrollRefused) return 'ERR_CSB_CAPI_ENROLL'
  // What stands in between answers with 400 too, to a request that would be good, and with a page of its own.
  if (status === 400 && !isMessage(parseJson(body))) return 'ERR_CSB_CAPI_BODY'
  return status === 401 || status === 403 ? 'ERR_CSB_CAPI_AUTH' : 'ERR_CSB_CAPI_STATUS'
}

function speaksOfKey(words: string): boolean {
  return /attachment|enrol\w*[ _-]key/i.test(words)
}

/** CAPI's form for every refusal. */
function isMessage(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'message' in answer && typeof answer.message === 'string'
}

function sentence(code: CapiErrorCode, { target, path, status }: Refusal, words: string): string {
  const at = `CAPI at ${target} (status ${status})`
  if (code === 'ERR_CSB_CAPI_REGISTERED') return `The machine id is registered already with ${at}`
  if (code === 'ERR_CSB_CAPI_ENROLL') {
    return speaksOfKey(words)
      ? `${KEY_REFUSED} ${at}; copy it from the console`
      : `${path} is refused by ${at}; the attachment key may be wrong, copy it from the console`
  }
  if (code === 'ERR_CSB_CAPI_AUTH') {
    // CAPI answers 403 for both (documentation "Central API 403").
    const doubt = status === 403 ? '; the credentials are wrong, or there were too many logins from this address' : ''
    return `${path} is refused by ${at}${doubt}`
  }
  const orWhat = code === 'ERR_CSB_CAPI_BODY' ? ' or a JSON object with a message' : ''
  const hint =
    status >= 300 && status < 400
      ? '; redirects are not followed'
      : status === 404
        ? '; check the base URL of CAPI, which ends in /v3'
        : ''
  return `CAPI at ${target} answered ${path} with status ${status}, expected 200${orWhat}${hint}`
}

/** The `message` and `errors` of CAPI's own refusals; else the text as it is. */
function wordsOf(body: string): string {
  const answer = parseJson(body)
  if (typeof answer !== 'object' || answer === null) return body
  const words = ['message', 'errors']
    .map((name) => Reflect.get(answer, name))
    .filter((word) => typeof word === 'string')
  return words.length === 0 ? body : words.join(': ')
}
