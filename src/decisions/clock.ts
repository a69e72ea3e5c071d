/** Time for expiry: monotonic, so that setting the machine's clock neither lifts nor prolongs a ban. */

/** Milliseconds of a clock that never goes back. */
export type MonotonicClock = () => number

/** Milliseconds since the process started. */
export const processClock: MonotonicClock = () => performance.now()

/** The store's unit of time, in milliseconds: 32 bits of it last 13 years. */
export const TICK = 100

export const LAST_TICK = 0xffff_ffff

/** Ticks by which the noted time may lag behind: five seconds, where it is noted every second. */
const MARGIN = 50

/**
 * Tells whether a time lies ahead, mostly without reading the clock, which costs as much as parsing an address. Whoever notes
 * the time regularly (the sweeper) makes it sure of everything that lies some seconds ahead of what was noted.
 */
export class TickClock {
  readonly #clock: MonotonicClock
  /** Whatever is above lies ahead for sure. */
  #sure = Number.POSITIVE_INFINITY

  constructor(clock: MonotonicClock) {
    this.#clock = clock
  }

  /** Now, in ticks. */
  now(): number {
    return Math.floor(this.#clock() / TICK)
  }

  /** Unix milliseconds of tick 0, by the wall clock as it is set now; `earliest` is where that is known to be behind. */
  wallTimeOfZero(earliest = 0): number {
    return Math.max(Date.now(), earliest) - this.#clock()
  }

  isAhead(tick: number): boolean {
    return tick > this.#sure || tick > this.now()
  }

  /** To be called every second or so, until `forget`. */
  note(): void {
    this.#sure = this.now() + MARGIN
  }

  /** From now on the clock is read each time. */
  forget(): void {
    this.#sure = Number.POSITIVE_INFINITY
  }
}
