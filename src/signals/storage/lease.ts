/**
 * How long a claim holds. One that was made in the future was made before the clock was set back: others would wait for its end
 * for ever. Some of the future is allowed for, since a claim may be made while another waits with the time that it has read.
 */

/** Milliseconds. A clock that is set back by less makes a lease last so much longer. */
export const CLOCK_TOLERANCE = 60_000

export interface Claim {
  readonly owner: string
  readonly from: number
  readonly until: number
}

export function isHeld(claim: Omit<Claim, 'owner'> | null, now: number): boolean {
  return claim !== null && now < claim.until && claim.from <= now + CLOCK_TOLERANCE
}
