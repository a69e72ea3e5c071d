/** Counts the decisions in force in a store by what usage metrics tell apart, in slices of a few milliseconds. */

import * as row from '../decisions/decision-rows.js'
import type { DecisionStore } from '../decisions/decision-store.js'
import { TimeSlice } from '../time-slice.js'

export interface ActiveDecisions {
  readonly origin: string
  /** The blocklist's name where the origin is `lists`, else empty. */
  readonly list: string
  /** Null for countries, users and whatever else is no address. */
  readonly ipType: 'ipv4' | 'ipv6' | null
  count: number
}

const ROWS_BETWEEN_LOOKS_AT_THE_CLOCK = 1024

/** Some 100 ms for a million rows, 3 ms at a time. The store may change meanwhile. */
export async function countActive(store: DecisionStore): Promise<readonly ActiveDecisions[]> {
  const total = new Tally(store)
  const slice = new TimeSlice()
  for (let from = 1; from < store.rows.end; from += ROWS_BETWEEN_LOOKS_AT_THE_CLOCK) {
    total.add(from, Math.min(from + ROWS_BETWEEN_LOOKS_AT_THE_CLOCK, store.rows.end))
    if (slice.isOver()) {
      total.forgetIds()
      await slice.rest()
    }
  }
  return total.counts()
}

class Tally {
  readonly #store: DecisionStore
  readonly #counts = new Map<string, ActiveDecisions>()
  /** By ids of texts, which are given to other texts when a store changes. */
  readonly #byIds = new Map<number, ActiveDecisions>()

  constructor(store: DecisionStore) {
    this.#store = store
  }

  add(from: number, end: number): void {
    const { rows, ticks } = this.#store
    const now = ticks.now()
    for (let slot = from; slot < end; slot++) {
      const shape = rows.get(slot, row.SHAPE)
      // A first-last range is several rows but one decision.
      if ((shape & row.IN_USE) === 0 || (shape & row.IS_CONTINUATION) !== 0) continue
      if (rows.expiresAt(slot) > now) this.#entryOf(slot, shape).count++
    }
  }

  forgetIds(): void {
    this.#byIds.clear()
  }

  counts(): readonly ActiveDecisions[] {
    return [...this.#counts.values()]
  }

  #entryOf(slot: number, shape: number): ActiveDecisions {
    const { rows, labels } = this.#store
    const family = shape & (row.IS_TEXT_TARGET | row.IS_IPV6)
    const originId = rows.get(slot, row.LABELS) & 0xffff
    // 16 bits of origin, 5 of family and 31 of scenario fit into a double.
    const id = (rows.get(slot, row.SCENARIO) * 0x10000 + originId) * 32 + family
    let entry = this.#byIds.get(id)
    if (entry === undefined) {
      const origin = labels.originOf(slot)
      entry = this.#named(origin, origin === 'lists' ? labels.scenarioOf(slot) : '', ipTypeOf(family))
      this.#byIds.set(id, entry)
    }
    return entry
  }

  #named(origin: string, list: string, ipType: ActiveDecisions['ipType']): ActiveDecisions {
    const key = JSON.stringify([origin, list, ipType])
    const entry = this.#counts.get(key) ?? { origin, list, ipType, count: 0 }
    this.#counts.set(key, entry)
    return entry
  }
}

function ipTypeOf(family: number): ActiveDecisions['ipType'] {
  if ((family & row.IS_TEXT_TARGET) !== 0) return null
  return (family & row.IS_IPV6) === 0 ? 'ipv4' : 'ipv6'
}
