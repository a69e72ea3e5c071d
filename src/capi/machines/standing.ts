/** How a machine stands with CAPI, and what each outcome of a request makes of it. */

import { BouncerError } from '../../errors.js'
import { messageOf } from '../../thrown.js'
import { isKeyRefused } from '../api/refusal.js'
import { CapiError } from '../capi-error.js'
import type { BlockReason, Breaker, Standing } from './machine-storage.js'

/** CAPI's own: an address with too many logins gets 403 for an hour. */
export const FORBIDDEN_PAUSE = 60 * 60 * 1000

/** A machine that is refused over and over comes back more seldom, so that the others are asked for first. */
const LONGEST_FORBIDDEN_PAUSE = 4 * FORBIDDEN_PAUSE

export const ACTIVE: Standing = { state: 'active' }

/** What an answer, or that there was none, says of the machine and of CAPI. */
export type Outcome =
  /** CAPI knows us, whatever it thinks of the request. */
  | 'well'
  /** 401 */
  | 'unauthorized'
  /** 403 */
  | 'forbidden'
  /** CAPI, or the way to it, has trouble of its own. */
  | 'trouble'
  /** Given up, an error of the caller's, or one that is ours. */
  | 'nothing'

/** No answer of CAPI's: none at all, or the page of a proxy. */
const TROUBLE: ReadonlySet<string> = new Set([
  'ERR_CSB_CONNECT',
  'ERR_CSB_CONNECTION_LOST',
  'ERR_CSB_TLS',
  'ERR_CSB_TIMEOUT',
  'ERR_CSB_CAPI_BODY',
])

export function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof BouncerError)) return 'nothing'
  if (TROUBLE.has(error.code)) return 'trouble'
  if (!(error instanceof CapiError) || error.status === null) return 'nothing'
  const { code, status } = error
  // Of a 403 that does not speak of the key nobody knows what it is about: it holds nobody up, and ends no pause.
  if (code === 'ERR_CSB_CAPI_ENROLL') return isKeyRefused(error) ? 'well' : 'nothing'
  if (code !== 'ERR_CSB_CAPI_AUTH' && code !== 'ERR_CSB_CAPI_STATUS') return 'nothing'
  if (status === 401) return 'unauthorized'
  if (status === 403) return 'forbidden'
  // A redirect is a proxy's or a wrong base URL's: CAPI has none.
  return status < 400 || status === 408 || status === 425 || status === 429 || status >= 500 ? 'trouble' : 'well'
}

/** Milliseconds of a pause that are left. One that lies further ahead than it is long was set before the clock was set back. */
export function timeLeft(pause: Pick<Breaker, 'until' | 'pause'>, now: number): number {
  const left = pause.until - now
  return left > 0 && left <= pause.pause ? left : 0
}

/** Milliseconds until a machine may ask again; 0 where it may now, Infinity where only `unblock` helps. */
export function timeToWait(standing: Standing, now: number): number {
  if (standing.state === 'active') return 0
  const { until, pause } = standing
  return until === null || pause === null ? Number.POSITIVE_INFINITY : timeLeft({ until, pause }, now)
}

/** Milliseconds that CAPI asks for. */
export function retryAfterOf(error: unknown): number {
  return error instanceof CapiError ? (error.retryAfter ?? 0) : 0
}

export interface BackoffOptions {
  /** Milliseconds: the most that the first pause lasts. */
  readonly first: number
  /** Milliseconds: the most that any lasts, unless CAPI asks for more. */
  readonly longest: number
  /** From 0 to 1. */
  readonly random: () => number
}

/** Full jitter, anything up to the step: many machines that failed together must not come back together. */
export function backOff(
  standing: Standing,
  error: unknown,
  now: number,
  { first, longest, random }: BackoffOptions,
): Standing {
  if (standing.state === 'blocked' && timeToWait(standing, now) > 0) return standing
  const asked = retryAfterOf(error)
  const before = standing.state === 'backing off' ? standing : { failures: 0, until: 0, pause: 0 }
  const left = timeLeft(before, now)
  // Requests that were under way together fail together: that is one failure.
  if (left > 0 && left >= asked && standing.state === 'backing off') return standing
  const failures = left > 0 ? before.failures : before.failures + 1
  const step = Math.min(first * 2 ** Math.min(failures - 1, 30), Math.max(first, longest))
  const pause = Math.max(1, Math.ceil(random() * step), asked)
  return { state: 'backing off', until: now + pause, pause, failures, message: messageOf(error) }
}

/** For an hour; longer for a machine that was refused before and has not worked since, and where CAPI asks for more. */
export function forbid(standing: Standing, error: unknown, now: number): Standing {
  const wait = timeToWait(standing, now)
  if (wait === Number.POSITIVE_INFINITY) return standing
  const before = wasForbidden(standing) && wait === 0 ? standing.pause : null
  const step = before === null ? FORBIDDEN_PAUSE : Math.min(before * 2, LONGEST_FORBIDDEN_PAUSE)
  const pause = Math.max(step, retryAfterOf(error))
  const repeated = before === null ? {} : { isRepeated: true }
  return { state: 'blocked', reason: 'forbidden', until: now + pause, pause, ...repeated, message: messageOf(error) }
}

export function wasForbidden(standing: Standing): standing is Extract<Standing, { state: 'blocked' }> {
  return standing.state === 'blocked' && standing.reason === 'forbidden'
}

/** Until somebody looks at it. */
export function block(reason: BlockReason, error: unknown): Standing {
  return { state: 'blocked', reason, until: null, pause: null, message: messageOf(error) }
}

/** After a success. A pause that was set meanwhile stays. */
export function recover(standing: Standing, now: number): Standing {
  return timeToWait(standing, now) > 0 ? standing : ACTIVE
}
