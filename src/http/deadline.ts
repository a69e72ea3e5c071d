/**
 * Bounds one exchange in time and ties it to its caller's signal. `AbortSignal.any` and `AbortSignal.timeout` would do the
 * same, but the first keeps a record on the long-lived signal for each exchange in some Node releases.
 */

/** Timers of Node count in 31 bits: what is longer would fire at once. */
const LONGEST = 2 ** 31 - 1

export class Deadline {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #caller: AbortSignal
  readonly #onAbort = () => this.#controller.abort(this.#caller.reason)
  /** Whether time ran out. */
  isOver = false

  constructor(milliseconds: number, caller: AbortSignal) {
    this.#caller = caller
    const onTime = () => {
      this.isOver = true
      this.#controller.abort()
    }
    this.#timer = setTimeout(onTime, Math.min(milliseconds, LONGEST))
    if (caller.aborted) this.#onAbort()
    else caller.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The exchange is over, one way or the other. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#caller.removeEventListener('abort', this.#onAbort)
  }
}
