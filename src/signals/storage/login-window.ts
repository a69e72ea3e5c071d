/**
 * The budget of logins in a moving window. A login that lies ahead counts too: another host's clock may be a little fast. One
 * further ahead than the window is a sign of a clock that was set back, and counts no more.
 */

export function isTaken(at: number, now: number, window: number): boolean {
  return at > now - window && at <= now + window
}

/** Milliseconds until fewer than `budget` of the logins taken are in the window; 0 where that is so now. */
export function freeAfter(taken: readonly number[], now: number, window: number, budget: number): number {
  const leaving = [...taken].sort((a, b) => a - b)[taken.length - budget]
  return leaving === undefined ? 0 : leaving + window - now
}
