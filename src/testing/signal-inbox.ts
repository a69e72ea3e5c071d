/** The signals that a FakeCapi has accepted, in order, and which of them came more than once. */

export interface ReceivedSignal {
  /** Null where the signal has none. */
  readonly uuid: string | null
  /** As it was sent. */
  readonly signal: Readonly<Record<string, unknown>>
  /** Who pushed it: the owner of the token. */
  readonly machineId: string
  /** The accepted push that brought it, counted from 1. */
  readonly batch: number
  /** Unix milliseconds of the fake's clock. */
  readonly at: number
}

export class SignalInbox {
  readonly #all: ReceivedSignal[] = []
  readonly #byUuid = new Map<string, ReceivedSignal[]>()
  #batches = 0

  /** Keeps one push, and returns what it kept. */
  accept(signals: readonly Record<string, unknown>[], machineId: string, at: number): readonly ReceivedSignal[] {
    this.#batches += 1
    const batch = this.#batches
    return signals.map((signal) => {
      const uuid = typeof signal['uuid'] === 'string' ? signal['uuid'] : null
      const received = { uuid, signal, machineId, batch, at }
      this.#all.push(received)
      if (uuid !== null) {
        const same = this.#byUuid.get(uuid)
        if (same) same.push(received)
        else this.#byUuid.set(uuid, [received])
      }
      return received
    })
  }

  all(): readonly ReceivedSignal[] {
    return this.#all
  }

  of(uuid: string): readonly ReceivedSignal[] {
    return this.#byUuid.get(uuid) ?? []
  }

  uuids(): ReadonlySet<string> {
    return new Set(this.#byUuid.keys())
  }

  /** Every arrival of a uuid after its first. */
  duplicates(): readonly ReceivedSignal[] {
    return [...this.#byUuid.values()].flatMap((arrivals) => arrivals.slice(1))
  }
}
