/** A wait that can be ended early and does not keep the process alive. */
export class Pause {
  #end: () => void = () => {}
  #ended = false

  /** Resolves after so many milliseconds, or at once when `end` is or has been called. */
  for(milliseconds: number): Promise<void> {
    if (this.#ended) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      timer.unref()
      this.#end = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Ends the current wait and every later one. */
  end(): void {
    this.#ended = true
    this.#end()
  }
}
