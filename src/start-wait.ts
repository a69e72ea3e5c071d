/** How long `start()` waits for what should be ready first: to a limit, or until somebody ends it. */

export type WaitKind = 'keeps the process alive' | 'in the background'

export class StartWait {
  readonly #limit: number
  #end: () => void = () => {}

  /** Milliseconds. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Rejects with what `ready` rejects with, if that is in time. */
  async for(ready: Promise<unknown>, kind: WaitKind): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#limit)
      if (kind === 'in the background') timer.unref()
      this.#end = resolve
    })
    await Promise.race([ready, timeout]).finally(() => clearTimeout(timer))
  }

  end(): void {
    this.#end()
  }
}
