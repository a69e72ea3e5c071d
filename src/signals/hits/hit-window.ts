/**
 * Adds up hits until somebody takes what there is. Runs for every blocked request: a hit on a known address costs a look-up and
 * some comparisons, and however many come from wherever, memory is bounded. What does not fit is counted.
 */

import { canonicalAddress } from '../../net/address.js'
import { type Hit, HitEntry } from './hit-entry.js'

export interface HitWindowOptions {
  /** How many pairs of address and scenario are told apart. */
  readonly maxEntries: number
  /** Asked about each address that is not known yet. */
  readonly admits: (address: string) => boolean
}

/** What came together. */
export interface HitHarvest {
  readonly entries: readonly HitEntry[]
  /** Hits for which there was no room. */
  readonly leftOut: number
}

/** The longest text of an address, a mapped one written in full; what is longer has a zone, which may be of any length. */
const LONGEST_ALIAS = 45

export class HitWindow {
  readonly #options: HitWindowOptions
  /** By address as it is written, canonical or not, the first of its entries. */
  #heads = new Map<string, HitEntry>()
  #entries: HitEntry[] = []
  #leftOut = 0
  /** Unix milliseconds: a clock that somebody else reads, since reading it here would cost as much as the rest. */
  #now = Date.now()

  constructor(options: HitWindowOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.length
  }

  /** To be told every second or so. */
  tick(now: number): void {
    this.#now = now
  }

  note(hit: Hit): void {
    const entry = this.#entryOf(hit)
    if (entry !== null) entry.add(hit, hit.at ?? this.#now)
  }

  /** All that came together since the last time. */
  take(): HitHarvest {
    const harvest = { entries: this.#entries, leftOut: this.#leftOut }
    this.#heads = new Map()
    this.#entries = []
    this.#leftOut = 0
    return harvest
  }

  #entryOf(hit: Hit): HitEntry | null {
    const head = this.#heads.get(hit.address)
    if (head === undefined) return this.#entryOfStranger(hit)
    for (let entry: HitEntry | null = head; entry !== null; entry = entry.next) {
      if (entry.scenario === hit.scenario && entry.kind === hit.kind) return entry
    }
    return this.#appended(hit, head)
  }

  #entryOfStranger(hit: Hit): HitEntry | null {
    const { maxEntries, admits } = this.#options
    if (this.#entries.length >= maxEntries) {
      this.#leftOut++
      return null
    }
    if (!admits(hit.address)) return null
    const address = canonicalAddress(hit.address)
    const known = address === hit.address ? undefined : this.#heads.get(address)
    if (known === undefined) {
      const entry = this.#added(address, hit)
      this.#heads.set(address, entry)
      this.#alias(hit.address, address, entry)
      return entry
    }
    this.#alias(hit.address, address, known)
    return this.#entryOf({ ...hit, address })
  }

  /** Dual-stack sockets write `::ffff:192.0.2.1` each time, which is not to be rewritten each time. */
  #alias(written: string, address: string, head: HitEntry): void {
    if (written === address || written.length > LONGEST_ALIAS) return
    if (this.#heads.size < 2 * this.#options.maxEntries) this.#heads.set(written, head)
  }

  #appended(hit: Hit, head: HitEntry): HitEntry | null {
    if (this.#entries.length >= this.#options.maxEntries) {
      this.#leftOut++
      return null
    }
    const entry = this.#added(head.address, hit)
    entry.next = head.next
    head.next = entry
    return entry
  }

  #added(address: string, hit: Hit): HitEntry {
    const entry = new HitEntry(address, hit, hit.at ?? this.#now)
    this.#entries.push(entry)
    return entry
  }
}
