/**
 * Logins in a moving window: whether one more may go out, and whether it may for this machine. One that lies ahead counts too:
 * another host's clock may be a little fast. One further ahead than the window is a sign of a clock that was set back, and counts
 * no more.
 */

import type { LoginClaim, LoginLimit, LoginPermit } from '../../capi/machines/machine-storage.js'
import { isHeld } from './lease.js'

/** One that was taken. While it is under way it holds its machine. */
export interface TakenLogin {
  readonly owner: string | null
  readonly machineId: string | null
  readonly at: number
  /** Null when it has ended. */
  readonly until: number | null
}

/** What `takeLogin` has to say where these are in the window. */
export function permit(
  taken: readonly TakenLogin[],
  { machineId, from }: LoginClaim,
  { window, budget }: LoginLimit,
): LoginPermit {
  const isUnderWay = taken.some(
    (login) =>
      login.machineId === machineId && login.until !== null && isHeld({ from: login.at, until: login.until }, from),
  )
  if (isUnderWay) return 'under way'
  // Whose leaving makes room for one more.
  const leaving = taken.map(({ at }) => at).sort((a, b) => a - b)[taken.length - budget]
  return leaving === undefined ? 'taken' : { freeIn: leaving + window - from }
}

export function isTaken(at: number, now: number, window: number): boolean {
  return at > now - window && at <= now + window
}
