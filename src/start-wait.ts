/** How long `start()` waits for what should be ready first: to a limit, or until somebody ends it. */

export type WaitKind = 'keeps the process alive' | 'in the background'

export class StartWait {
  readonly #limit: number
  #end: () => void = () => {}
  #timer: NodeJS.Timeout | undefined
  #keepsAlive = false

  /** Milliseconds. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Rejects with what `ready` rejects with, if that is in time. */
  async for(ready: Promise<unknown>): Promise<void> {
    const timeout = new Promise<void>((resolve) => {
      this.#timer = setTimeout(resolve, this.#limit)
      if (!this.#keepsAlive) this.#timer.unref()
      this.#end = resolve
    })
    await Promise.race([ready, timeout]).finally(() => clearTimeout(this.#timer))
  }

  /** Somebody waits: the process must live until it is over, also where it began in the background. */
  keepAlive(): void {
    this.#keepsAlive = true
    this.#timer?.ref()
  }

  end(): void {
    this.#end()
  }
}
