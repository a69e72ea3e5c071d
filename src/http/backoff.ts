/** How long to wait before the next try: doubling up to a limit, with jitter so that many clients do not come at once. */
export class Backoff {
  readonly #first: number
  readonly #longest: number
  #failures = 0

  /** Milliseconds: `first` before the first retry, never more than `longest`. */
  constructor(first: number, longest: number) {
    this.#first = first
    this.#longest = Math.max(first, longest)
  }

  /** Counts a failure and tells how many milliseconds to wait: half of the current step at least, all of it at most. */
  next(): number {
    const step = Math.min(this.#first * 2 ** Math.min(this.#failures, 30), this.#longest)
    this.#failures++
    return step / 2 + (Math.random() * step) / 2
  }

  /** Starts over after a success. */
  reset(): void {
    this.#failures = 0
  }
}
