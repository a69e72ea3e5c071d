/** The decisions of a FakeLapi, as rows of its database. It stores and changes them; what a request sees is stream-query.ts. */

import { type AddressInterval, parseAddressInterval } from './address-interval.js'
import { parseGoDuration } from './go-duration.js'

/** A decision to add. What is left out counts as `cscli decisions add` has it. */
export interface NewDecision {
  readonly value: string
  /** A Go duration such as `4h`, or milliseconds. */
  readonly duration: string | number
  /** Stored as given: `ip` in lower case is invisible to the stream, as in LAPI 1.4.6. Default `Ip`. */
  readonly scope?: string
  /** Default `ban`. */
  readonly type?: string
  /** Default `cscli`. */
  readonly origin?: string
  /** Default `manual`. */
  readonly scenario?: string
  /** Default false: simulated decisions are hidden from bouncers. */
  readonly simulated?: boolean
}

/** Which rows to take; all given fields must be equal, to the letter. An empty filter takes all. */
export interface DecisionFilter {
  readonly id?: number
  readonly value?: string
  readonly scope?: string
  readonly type?: string
  readonly origin?: string
  readonly scenario?: string
}

/** One row. Never changed in place: an answer being written keeps the rows that its query saw. */
export interface DecisionRow {
  readonly id: number
  readonly value: string
  readonly scope: string
  readonly type: string
  readonly origin: string
  readonly scenario: string
  readonly simulated: boolean
  /** Unix milliseconds. */
  readonly createdAt: number
  /** Unix milliseconds; the decision holds until then. */
  readonly until: number
}

export class DecisionTable {
  readonly #rows = new Map<number, DecisionRow>()
  /** Ids by value, for the deduplication. */
  readonly #byValue = new Map<string, number[]>()
  readonly #intervals = new Map<string, AddressInterval | null>()
  #nextId = 1

  get size(): number {
    return this.#rows.size
  }

  /** All rows, ascending by id. */
  rows(): Iterable<DecisionRow> {
    return this.#rows.values()
  }

  add(decision: NewDecision, now: number): DecisionRow {
    const lasts = typeof decision.duration === 'number' ? decision.duration : parseGoDuration(decision.duration)
    const row: DecisionRow = {
      id: this.#nextId++,
      value: decision.value,
      scope: decision.scope ?? 'Ip',
      type: decision.type ?? 'ban',
      origin: decision.origin ?? 'cscli',
      scenario: decision.scenario ?? 'manual',
      simulated: decision.simulated ?? false,
      createdAt: now,
      until: now + lasts,
    }
    this.#rows.set(row.id, row)
    const ids = this.#byValue.get(row.value)
    if (ids) ids.push(row.id)
    else this.#byValue.set(row.value, [row.id])
    return row
  }

  /** Ends active rows at `now`, as `cscli decisions delete` does. They stay in the table and reach bouncers as `deleted`. */
  expire(filter: DecisionFilter, now: number): number {
    const ending = this.#select(filter).filter((row) => row.until > now)
    // The LAPI's column created_at changes at every update, too. It cannot be seen: such a row is never active again.
    for (const row of ending) this.#rows.set(row.id, { ...row, createdAt: now, until: now })
    return ending.length
  }

  /** Takes rows out for good, as alert deletion, list refresh and flush do: no bouncer hears of it. */
  purge(filter: DecisionFilter): number {
    const leaving = this.#select(filter)
    for (const row of leaving) {
      this.#rows.delete(row.id)
      const left = (this.#byValue.get(row.value) ?? []).filter((id) => id !== row.id)
      if (left.length > 0) this.#byValue.set(row.value, left)
      else this.#byValue.delete(row.value)
    }
    return leaving.length
  }

  /** Empties the table and starts the ids again at 1. */
  wipe(): void {
    this.#rows.clear()
    this.#byValue.clear()
    this.#nextId = 1
  }

  /** No row of the same value, type and scope ends later: LAPI's anti-join, which sees every row, filtered or not. */
  isLongest(row: DecisionRow): boolean {
    const ids = this.#byValue.get(row.value)
    if (!ids || ids.length < 2) return true
    return !ids.some((id) => {
      const other = this.#rows.get(id)
      return other !== undefined && other.until > row.until && other.type === row.type && other.scope === row.scope
    })
  }

  /** The interval that the LAPI stores for decisions of scope Ip and Range, in any case; null for others. */
  intervalOf(row: DecisionRow): AddressInterval | null {
    if (!/^(ip|range)$/i.test(row.scope)) return null
    let interval = this.#intervals.get(row.value)
    if (interval === undefined) {
      interval = parseAddressInterval(row.value)
      this.#intervals.set(row.value, interval)
    }
    return interval
  }

  #select(filter: DecisionFilter): DecisionRow[] {
    const wanted = Object.entries(filter) as [keyof DecisionFilter, string | number | undefined][]
    const matches = (row: DecisionRow) => wanted.every(([field, value]) => value === undefined || row[field] === value)
    return [...this.#rows.values()].filter(matches)
  }
}
