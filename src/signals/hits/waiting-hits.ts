/**
 * What came together and is not in the outbox yet. Put there in small parts, since an embedded database writes on the thread of
 * the requests; kept, up to a bound, while the outbox cannot be written.
 */

import { setImmediate } from 'node:timers/promises'
import { type MonotonicClock, processClock } from '../../decisions/clock.js'
import { Backoff } from '../../http/backoff.js'
import type { AddSummary } from '../storage/signal-storage.js'
import type { HitEntry } from './hit-entry.js'
import { type SignalDraft, signalOf } from './hit-signal.js'

export interface WaitingHitsOptions {
  /** Puts signals into the outbox, all or none. */
  readonly add: (signals: readonly SignalDraft[]) => Promise<AddSummary>
  /** Entries. What exceeds it is dropped, the oldest first. */
  readonly maxWaiting: number
  /** Hears of signals that are lost: because too many waited, or because the outbox is full. */
  readonly onDropped: (reason: 'storage' | 'outbox', count: number) => void
  readonly onStored: (count: number) => void
  /** Unix milliseconds. */
  readonly now: () => number
  readonly clock?: MonotonicClock | undefined
}

/** Signals in one transaction: some milliseconds. */
const CHUNK = 100

/** Milliseconds. */
const FIRST_RETRY = 1000
const LONGEST_RETRY = 60_000

export class WaitingHits {
  readonly #options: WaitingHitsOptions
  readonly #clock: MonotonicClock
  readonly #backoff = new Backoff(FIRST_RETRY, LONGEST_RETRY)
  #entries: HitEntry[] = []
  /** Handed to the outbox, which has not said yet that it has them. */
  #inHand: readonly HitEntry[] = []
  #running: Promise<void> | null = null
  #retryAt = Number.NEGATIVE_INFINITY

  constructor(options: WaitingHitsOptions) {
    this.#options = options
    this.#clock = options.clock ?? processClock
  }

  get size(): number {
    return this.#inHand.length + this.#entries.length
  }

  /** Whether there is something to store, and no failure was so recent that it should wait. */
  isDue(): boolean {
    return this.#entries.length > 0 && this.#running === null && this.#clock() >= this.#retryAt
  }

  push(entries: readonly HitEntry[]): void {
    this.#entries = this.#entries.concat(entries)
    this.#trim()
  }

  /** Stores all that waits. Throws what `add` throws; then it waits on. */
  store(): Promise<void> {
    this.#running ??= this.#store().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #store(): Promise<void> {
    const { add, now, onDropped, onStored } = this.#options
    while (this.#entries.length > 0) {
      const chunk = this.#entries.slice(0, CHUNK)
      this.#entries = this.#entries.slice(CHUNK)
      this.#inHand = chunk
      try {
        const at = now()
        const { dropped } = await add(chunk.map((entry) => signalOf(entry, at)))
        this.#inHand = []
        onStored(chunk.length)
        if (dropped > 0) onDropped('outbox', dropped)
      } catch (error) {
        this.#inHand = []
        this.#entries = chunk.concat(this.#entries)
        this.#trim()
        this.#retryAt = this.#clock() + this.#backoff.next()
        throw error
      }
      await setImmediate()
    }
    this.#backoff.reset()
    this.#retryAt = Number.NEGATIVE_INFINITY
  }

  #trim(): void {
    const excess = this.#entries.length - this.#options.maxWaiting
    if (excess <= 0) return
    this.#entries = this.#entries.slice(excess)
    this.#options.onDropped('storage', excess)
  }
}
