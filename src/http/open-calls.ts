/** Calls under way, each with a signal of its own, which ends with its caller's or when all of them are ended. */
export class OpenCalls {
  readonly #calls = new Map<AbortController, Promise<unknown>>()
  #end: { readonly reason: unknown } | null = null

  /** Rejects with the reason of `end` where that was called before. */
  async run<Result>(caller: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    if (this.#end !== null) throw this.#end.reason
    const controller = new AbortController()
    const forward = () => controller.abort(caller?.reason)
    if (caller?.aborted === true) forward()
    caller?.addEventListener('abort', forward, { once: true })
    const working = work(controller.signal)
    this.#calls.set(controller, working)
    try {
      return await working
    } finally {
      this.#calls.delete(controller)
      caller?.removeEventListener('abort', forward)
    }
  }

  /** Aborts all calls with the reason and waits until the last has ended, one way or the other. */
  async end(reason: unknown): Promise<void> {
    this.#end ??= { reason }
    for (const call of this.#calls.keys()) call.abort(reason)
    await Promise.allSettled(this.#calls.values())
  }
}
