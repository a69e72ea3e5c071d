/** The clock of a fake server: strictly increasing, and movable so that expiry can be tested without waiting. */

/** A microsecond, in milliseconds. */
const step = 0.001

export class MovableClock {
  readonly #source: () => number
  #offset = 0
  #last = Number.NEGATIVE_INFINITY

  /** `source` gives Unix milliseconds and may stand still. */
  constructor(source: () => number) {
    this.#source = source
  }

  /**
   * The time of an event, never twice the same. The LAPI stamps in nanoseconds, so a decision added after a pull is always
   * later than it; with bare milliseconds the strict `created_at > last_pull` would lose decisions that no LAPI loses.
   */
  tick(): number {
    this.#last = Math.max(this.#source() + this.#offset, this.#last + step)
    return this.#last
  }

  /** Moves the clock forward by `ms`. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`advance() takes milliseconds of zero or more, got ${ms}`)
    this.#offset += ms
  }
}
