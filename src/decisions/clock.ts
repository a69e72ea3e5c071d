/** Time for expiry: monotonic, so that setting the machine's clock neither lifts nor prolongs a ban. */

/** Milliseconds of a clock that never goes back. */
export type MonotonicClock = () => number

/** Milliseconds since the process started. */
export const processClock: MonotonicClock = () => performance.now()

/** The store's unit of time, in milliseconds: 32 bits of it last 13 years. */
export const TICK = 100

export const LAST_TICK = 0xffff_ffff
