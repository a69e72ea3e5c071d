/** The texts that rows share (type, origin, scenario), each kept once, and how many decisions there are of each kind. */

import type { Saved, TakeBlock } from '../net/prefix-table/blocks.js'
import type { DecisionRows } from './decision-rows.js'
import * as row from './decision-rows.js'
import { StringPool } from './string-pool.js'
import { LONGEST_SCENARIO } from './text-limits.js'
import type { WireDecision } from './wire-decision.js'

/** Decisions held, by what metrics distinguish. */
export interface DecisionCount {
  readonly type: string
  readonly origin: string
  readonly family: 'ipv4' | 'ipv6' | 'other'
  count: number
}

const FAMILIES = ['ipv4', 'ipv6', 'other'] as const
/** Type and origin share a word, so there are 65,535 of each at most. */
const MOST_LABELS = 0xffff
const MOST_SCENARIOS = 0x7fff_ffff

export class RowLabels implements Saved {
  readonly types = new StringPool(MOST_LABELS)
  readonly origins = new StringPool(MOST_LABELS)
  readonly scenarios = new StringPool(MOST_SCENARIOS)
  /** Decisions counted. */
  total = 0
  readonly #rows: DecisionRows
  readonly #counts = new Map<number, DecisionCount>()

  constructor(rows: DecisionRows) {
    this.#rows = rows
  }

  /** The LABELS word for a decision, with references taken; null if there are too many types or origins. */
  acquire(decision: WireDecision): number | null {
    const type = this.types.acquire(decision.type)
    if (type === -1) return null
    const origin = this.origins.acquire(textOf(decision.origin))
    if (origin !== -1) return (type << 16) | origin
    this.types.release(type)
    return null
  }

  /** Gives back what `acquire` took. */
  release(labels: number): void {
    this.types.release(labels >>> 16)
    this.origins.release(labels & 0xffff)
  }

  /** Writes the labels of a new row, taken by `acquire`, and counts it. SHAPE must be there. */
  attach(slot: number, labels: number, decision: WireDecision): void {
    this.#rows.set(slot, row.LABELS, labels)
    this.#rows.set(slot, row.SCENARIO, this.#acquireScenario(decision))
    this.#count(slot, 1)
  }

  /** Rewrites the labels of a row for a newer statement of the same decision. */
  renew(slot: number, decision: WireDecision): void {
    const scenario = this.#rows.get(slot, row.SCENARIO)
    this.#rows.set(slot, row.SCENARIO, this.#acquireScenario(decision))
    this.scenarios.release(scenario)
    const labels = this.acquire(decision)
    if (labels === null) return // a new origin beyond the limit: the old one keeps its name
    this.#count(slot, -1)
    this.release(this.#rows.get(slot, row.LABELS))
    this.#rows.set(slot, row.LABELS, labels)
    this.#count(slot, 1)
  }

  /** Takes a row that is about to go out of the account. */
  detach(slot: number): void {
    this.#count(slot, -1)
    this.release(this.#rows.get(slot, row.LABELS))
    this.scenarios.release(this.#rows.get(slot, row.SCENARIO))
  }

  typeOf(slot: number): string {
    return this.types.textOf(this.#rows.get(slot, row.LABELS) >>> 16)
  }

  originOf(slot: number): string {
    return this.origins.textOf(this.#rows.get(slot, row.LABELS) & 0xffff)
  }

  scenarioOf(slot: number): string {
    return this.scenarios.textOf(this.#rows.get(slot, row.SCENARIO))
  }

  /** Whether a row has the decision's origin, and its list where the origin is `lists`. */
  isOfList(slot: number, decision: WireDecision): boolean {
    const origin = this.originOf(slot)
    if (origin !== textOf(decision.origin)) return false
    return origin !== 'lists' || this.scenarioOf(slot) === scenarioText(decision)
  }

  /** Decisions held, by type, origin and family. */
  counts(): Iterable<Readonly<DecisionCount>> {
    return this.#counts.values()
  }

  *blocks(): Generator<Int32Array> {
    for (const pool of this.#pools()) yield* pool.blocks()
    yield Int32Array.from(
      [...this.#counts].flatMap(([key, { count }]) => [
        Math.floor(key / FAMILIES.length),
        key % FAMILIES.length,
        count,
      ]),
    )
  }

  async restore(take: TakeBlock): Promise<void> {
    for (const pool of this.#pools()) await pool.restore(take)
    const counts = await take()
    for (let i = 0; i < counts.length; i += 3) this.#addCount(counts[i], counts[i + 1], counts[i + 2])
  }

  #pools(): readonly StringPool[] {
    return [this.types, this.origins, this.scenarios]
  }

  #acquireScenario(decision: WireDecision): number {
    return this.scenarios.acquire(scenarioText(decision))
  }

  #count(slot: number, change: 1 | -1): void {
    const shape = this.#rows.get(slot, row.SHAPE)
    if ((shape & row.IS_CONTINUATION) !== 0) return
    const family = (shape & row.IS_TEXT_TARGET) !== 0 ? 2 : (shape & row.IS_IPV6) !== 0 ? 1 : 0
    this.#addCount(this.#rows.get(slot, row.LABELS), family, change)
  }

  #addCount(labels: number, family: number, change: number): void {
    this.total += change
    const key = (labels >>> 0) * FAMILIES.length + family
    const entry = this.#counts.get(key)
    if (entry === undefined) {
      const type = this.types.textOf(labels >>> 16)
      const origin = this.origins.textOf(labels & 0xffff)
      this.#counts.set(key, { type, origin, family: FAMILIES[family], count: change })
    } else {
      entry.count += change
      if (entry.count === 0) this.#counts.delete(key)
    }
  }
}

function scenarioText(decision: WireDecision): string {
  const scenario = textOf(decision.scenario)
  return scenario.length > LONGEST_SCENARIO ? scenario.slice(0, LONGEST_SCENARIO) : scenario
}

/** Code without types may leave these two out. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
