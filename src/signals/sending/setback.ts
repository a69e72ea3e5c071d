/** What a failure says of the next try: whether it helps to wait, or whom to blame. */

import { CapiError } from '../../capi/capi-error.js'
import { BouncerError } from '../../errors.js'

export type Setback =
  /** It may go away by itself. `retryAfter`: milliseconds that the server asks for. */
  | { readonly kind: 'passing'; readonly retryAfter: number }
  /** No request went out, because the machine pauses; it may be asked again after so many milliseconds. */
  | { readonly kind: 'pausing'; readonly retryAfter: number }
  /** Another try would end the same way. */
  | { readonly kind: 'lasting' }

/** Beside 5xx: a slow request, too early, too many. */
const passingStatuses: ReadonlySet<number> = new Set([408, 425, 429])

/** No answer, or one that is not CAPI's: the page of a proxy or of a captive portal. */
const passingCodes: ReadonlySet<string> = new Set([
  'ERR_CSB_CONNECT',
  'ERR_CSB_CONNECTION_LOST',
  'ERR_CSB_TIMEOUT',
  'ERR_CSB_CAPI_BODY',
])

export function setbackOf(error: unknown): Setback {
  if (!(error instanceof BouncerError)) return { kind: 'lasting' }
  const { code } = error
  const { status, retryAfter } = error instanceof CapiError ? error : { status: null, retryAfter: undefined }
  if (code === 'ERR_CSB_CAPI_BLOCKED' || code === 'ERR_CSB_CAPI_BUDGET') {
    return retryAfter === undefined ? { kind: 'lasting' } : { kind: 'pausing', retryAfter }
  }
  const isPassing = passingCodes.has(code) || (code === 'ERR_CSB_CAPI_STATUS' && isPassingStatus(status))
  return isPassing ? { kind: 'passing', retryAfter: retryAfter ?? 0 } : { kind: 'lasting' }
}

/** Whether a push was refused because of what is in it: too large, or against the schema. Which signal it is, CAPI does not say. */
export function isAboutSignals(error: unknown): error is CapiError {
  if (!(error instanceof CapiError) || error.code !== 'ERR_CSB_CAPI_STATUS') return false
  return error.status === 400 || error.status === 413 || error.status === 422
}

function isPassingStatus(status: number | null): boolean {
  return status !== null && (status >= 500 || passingStatuses.has(status))
}
