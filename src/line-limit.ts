/** At most ten lines of a kind in a second: a flood of visitors must not become a flood in the log. */

const WINDOW = 1000
const MOST_LINES = 10

export class LineLimit {
  readonly #tellLeftOut: (count: number) => void
  #lines = 0
  #leftOut = 0
  #windowEnd: NodeJS.Timeout | null = null

  /** `tellLeftOut` hears at the end of a second how many lines there were too many, if there were. */
  constructor(tellLeftOut: (count: number) => void) {
    this.#tellLeftOut = tellLeftOut
  }

  /** Whether one more line may be written now. */
  admits(): boolean {
    if (this.#windowEnd === null) {
      this.#windowEnd = setTimeout(() => this.endWindow(), WINDOW)
      this.#windowEnd.unref()
    }
    if (this.#lines === MOST_LINES) {
      this.#leftOut++
      return false
    }
    this.#lines++
    return true
  }

  /** Ends the second that has begun. Happens by itself, but for the last one. */
  endWindow(): void {
    if (this.#windowEnd !== null) clearTimeout(this.#windowEnd)
    this.#windowEnd = null
    this.#lines = 0
    const leftOut = this.#leftOut
    this.#leftOut = 0
    if (leftOut > 0) this.#tellLeftOut(leftOut)
  }
}
