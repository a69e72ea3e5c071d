/**
 * The truth about one source's decisions: identity, renewal, expiry and severity. The prefix table is an index over its rows:
 * each prefix leads to a chain of rows, the most severe first. No JS object is kept for a decision on an address.
 */

import type { AddressWords, Family } from '../net/address.js'
import { createPrefix, type Prefix } from '../net/prefix.js'
import { PageAllocator } from '../net/prefix-table/page-allocator.js'
import { createMatches, PrefixTable } from '../net/prefix-table/prefix-table.js'
import { LAST_TICK, type MonotonicClock, processClock, TICK } from './clock.js'
import { type IdWords, splitId } from './decision-id.js'
import * as row from './decision-rows.js'
import { parseGoDuration } from './go-duration.js'
import { Severity } from './severity.js'
import { SlotSet } from './slot-set.js'
import { StringPool } from './string-pool.js'
import { type AddressTarget, TargetReader, type TextTarget } from './target.js'
import { TextIndex } from './text-index.js'
import type { WireDecision } from './wire-decision.js'

/** Why a decision was refused. `over`: its duration is zero or less, which is normal. */
export type SkipReason = 'missing_field' | 'bad_duration' | 'bad_value' | 'too_long' | 'over' | 'limit'

/** What became of a decision that was put. */
export type PutResult = 'added' | 'renewed' | SkipReason

/**
 * What makes two decisions the same one. `value`: scope, value as received and type, for a LAPI that removes duplicates (its
 * default) and names in `deleted` ids that it never sent. `id`: the row id, for `dedup=false`, where only the id is right.
 */
export type Identity = 'value' | 'id'

export interface DecisionStoreOptions {
  readonly identity?: Identity
  readonly severity?: Severity
  readonly clock?: MonotonicClock
  /** Rows at most: 2^27 by default, which is 4 GiB of them. */
  readonly limit?: number
}

/** Decisions held, by what metrics distinguish. */
export interface DecisionCount {
  readonly type: string
  readonly origin: string
  readonly family: 'ipv4' | 'ipv6' | 'other'
  count: number
}

/** Longer types, scopes, values and durations are refused: nothing real is, and they would be kept in memory. */
export const LONGEST_TEXT = 4096
/** Longer scenarios are cut: they only describe. */
const LONGEST_SCENARIO = 1024
const MOST_LABELS = 0xffff

export class DecisionStore {
  readonly allocator = new PageAllocator()
  readonly rows: row.DecisionRows
  readonly types = new StringPool(MOST_LABELS)
  readonly origins = new StringPool(MOST_LABELS)
  readonly scenarios = new StringPool(0x7fff_ffff)
  readonly identity: Identity
  readonly clock: MonotonicClock
  readonly #severity: Severity
  readonly #table = new PrefixTable(this.allocator)
  readonly #texts = new TextIndex()
  readonly #targets = new TargetReader()
  readonly #counts = new Map<number, DecisionCount>()
  readonly #matches = createMatches()
  readonly #prefix = createPrefix()
  #size = 0
  #protected: SlotSet | null = null

  constructor(options: DecisionStoreOptions = {}) {
    this.identity = options.identity ?? 'value'
    this.#severity = options.severity ?? new Severity()
    this.clock = options.clock ?? processClock
    this.rows = new row.DecisionRows(this.allocator, options.limit ?? 1 << 27)
  }

  /** Decisions held, those included that are over and not yet swept. */
  get size(): number {
    return this.#size
  }

  /** Bytes of typed arrays in use. */
  get bytes(): number {
    return this.allocator.bytes
  }

  /** Now, in ticks. */
  now(): number {
    return Math.floor(this.clock() / TICK)
  }

  /** Adds a decision, or overwrites expiry, id, origin and scenario of the same one: the newest statement is the truth. */
  put(decision: WireDecision): PutResult {
    const problem = findProblem(decision)
    if (problem !== null) return problem
    const milliseconds = parseGoDuration(decision.duration)
    if (milliseconds === undefined) return 'bad_duration'
    const target = this.#targets.read(decision.scope, decision.value)
    if (target === null) return 'bad_value'
    if (milliseconds <= 0) {
      this.#removeTarget(target, decision)
      return 'over'
    }
    return this.#putTarget(target, decision, milliseconds)
  }

  /** Removes a decision; false if it is not held, which is normal. Only scope, value, type and id of it count. */
  remove(decision: WireDecision): boolean {
    if (findProblem(decision) !== null) return false
    const target = this.#targets.read(decision.scope, decision.value)
    return target !== null && this.#removeTarget(target, decision)
  }

  /** From here to `endChange`, what is put cannot be removed: `deleted` counts before `new` in whatever order they come. */
  beginChange(): void {
    this.#protected = new SlotSet()
  }

  endChange(): void {
    this.#protected = null
  }

  /** The row of the most severe decision in force on an address, the most specific of equals; 0 if there is none. */
  match(family: Family, address: AddressWords): number {
    const count = this.#table.match(family, address, this.#matches)
    return count === 0 ? 0 : this.#mostSevere(count)
  }

  /** The row of the most severe decision in force on exactly this text; 0 if there is none. */
  matchText(scope: string, value: string): number {
    const head = this.#texts.get(scope, value)
    return head === 0 ? 0 : this.#firstInForce(head, this.now())
  }

  /** All rows in force on an address. */
  matchAll(family: Family, address: AddressWords): number[] {
    const count = this.#table.match(family, address, this.#matches)
    return [...this.#matches.subarray(0, count)].flatMap((head) => this.#allInForce(head))
  }

  /** All rows in force on exactly this text. */
  matchAllText(scope: string, value: string): number[] {
    return this.#allInForce(this.#texts.get(scope, value))
  }

  /**
   * Frees the rows that are over among `count` slots from `from` on. Returns where to go on, or 0 at the end. Judging never
   * depends on it: a row that is over does not match. Reading the rows in order is so cheap (about 5 ms a million) that no
   * queue of expiries is worth its memory.
   */
  sweep(from: number, count: number): number {
    const now = this.now()
    const end = Math.min(from + count, this.rows.end)
    for (let slot = Math.max(from, 1); slot < end; slot++) {
      if (this.rows.expiresAt(slot) <= now && this.rows.isInUse(slot)) this.#drop(slot)
    }
    return end === this.rows.end ? 0 : end
  }

  /** Decisions held, by type, origin and family. */
  counts(): Iterable<Readonly<DecisionCount>> {
    return this.#counts.values()
  }

  /** The rows of all decisions, for whoever wants to read the store whole. */
  *slots(): Generator<number> {
    for (let slot = 1; slot < this.rows.end; slot++) {
      if (this.rows.isInUse(slot) && !this.rows.hasFlag(slot, row.IS_CONTINUATION)) yield slot
    }
  }

  #mostSevere(count: number): number {
    const now = this.now()
    let best = 0
    let bestRank = 256
    for (let i = 0; i < count; i++) {
      const slot = this.#firstInForce(this.#matches[i], now)
      if (slot === 0) continue
      const rank = this.rows.rankOf(slot)
      if (rank < bestRank) {
        best = slot
        bestRank = rank
      }
    }
    return best
  }

  #firstInForce(head: number, now: number): number {
    let slot = head
    while (slot !== 0 && this.rows.expiresAt(slot) <= now) slot = this.rows.get(slot, row.NEXT)
    return slot
  }

  #allInForce(head: number): number[] {
    const now = this.now()
    const slots: number[] = []
    for (let slot = head; slot !== 0; slot = this.rows.get(slot, row.NEXT)) {
      if (this.rows.expiresAt(slot) > now) slots.push(slot)
    }
    return slots
  }

  #putTarget(target: AddressTarget | TextTarget, decision: WireDecision, milliseconds: number): PutResult {
    const expires = Math.min(Math.ceil((this.clock() + milliseconds) / TICK), LAST_TICK)
    const id = splitId(decision.id)
    if (target.kind === 'text') return this.#putRow(target, null, decision, id, expires, 0)
    let result: PutResult = 'renewed'
    for (const [i, prefix] of target.prefixes.entries()) {
      const one = this.#putRow(target, prefix, decision, id, expires, i === 0 ? 0 : row.IS_CONTINUATION)
      if (one === 'limit') return one
      if (i === 0) result = one
    }
    return result
  }

  #putRow(
    target: AddressTarget | TextTarget,
    prefix: Prefix | null,
    decision: WireDecision,
    id: IdWords | null,
    expires: number,
    flags: number,
  ): PutResult {
    const head = this.#head(target, prefix)
    const known = head === 0 ? 0 : this.#findInChain(head, target, decision, id)
    if (known !== 0) {
      this.#renew(known, decision, id, expires)
      this.#protected?.add(known)
      return 'renewed'
    }
    const labels = this.#acquireLabels(decision)
    const slot = labels === null ? 0 : this.rows.allocate()
    if (labels === null || slot === 0) {
      if (labels !== null) this.#releaseLabels(labels)
      return 'limit'
    }
    const length = prefix === null ? 0 : prefix.length
    const shape = flags | row.IN_USE | shapeOf(target, prefix)
    this.rows.set(slot, row.SHAPE, (this.#severity.rankOf(decision.type) << 16) | (length << 8) | shape)
    this.rows.set(slot, row.LABELS, labels)
    this.rows.set(slot, row.SCENARIO, this.scenarios.acquire(cutScenario(decision.scenario)))
    this.rows.set(slot, row.EXPIRES, expires)
    this.#setId(slot, id)
    if (prefix !== null) this.rows.setAddress(slot, prefix.words)
    if ((shape & row.HAS_TEXT) !== 0) this.rows.setText(slot, { scope: target.scope, value: decision.value })
    this.#link(slot, head, target, prefix)
    this.#count(slot, 1)
    this.#protected?.add(slot)
    if (this.identity === 'id') this.#dropSuperseded(slot, target, prefix)
    return 'added'
  }

  #renew(slot: number, decision: WireDecision, id: IdWords | null, expires: number): void {
    const scenario = this.rows.get(slot, row.SCENARIO)
    this.rows.set(slot, row.SCENARIO, this.scenarios.acquire(cutScenario(decision.scenario)))
    this.scenarios.release(scenario)
    this.rows.set(slot, row.EXPIRES, expires)
    this.#setId(slot, id)
    const labels = this.#acquireLabels(decision)
    if (labels === null) return // a new origin beyond the limit: the old one keeps its name
    this.#count(slot, -1)
    this.#releaseLabels(this.rows.get(slot, row.LABELS))
    this.rows.set(slot, row.LABELS, labels)
    this.#count(slot, 1)
  }

  #setId(slot: number, id: IdWords | null): void {
    const shape = this.rows.get(slot, row.SHAPE)
    this.rows.set(slot, row.SHAPE, id === null ? shape & ~row.HAS_ID : shape | row.HAS_ID)
    this.rows.set(slot, row.ID_LOW, id === null ? 0 : id.low)
    this.rows.set(slot, row.ID_HIGH, id === null ? 0 : id.high)
  }

  #removeTarget(target: AddressTarget | TextTarget, decision: WireDecision): boolean {
    const id = splitId(decision.id)
    if (target.kind === 'text') return this.#removeRow(target, null, decision, id)
    let removed = false
    for (const prefix of target.prefixes) removed = this.#removeRow(target, prefix, decision, id) || removed
    return removed
  }

  #removeRow(
    target: AddressTarget | TextTarget,
    prefix: Prefix | null,
    decision: WireDecision,
    id: IdWords | null,
  ): boolean {
    const head = this.#head(target, prefix)
    const slot = head === 0 ? 0 : this.#findInChain(head, target, decision, id)
    if (slot === 0 || this.#protected?.has(slot) === true) return false
    this.#drop(slot)
    return true
  }

  /** The row of the same decision (see `Identity`) in a chain, or 0. */
  #findInChain(head: number, target: AddressTarget | TextTarget, decision: WireDecision, id: IdWords | null): number {
    const type = this.types.find(decision.type)
    if (type === -1) return 0
    for (let slot = head; slot !== 0; slot = this.rows.get(slot, row.NEXT)) {
      if (this.rows.get(slot, row.LABELS) >>> 16 !== type) continue
      if (this.identity === 'id' ? this.#hasId(slot, id) : this.#hasValue(slot, target)) return slot
    }
    return 0
  }

  #hasId(slot: number, id: IdWords | null): boolean {
    if (!this.rows.hasFlag(slot, row.HAS_ID)) return id === null
    return id !== null && this.rows.get(slot, row.ID_LOW) === id.low && this.rows.get(slot, row.ID_HIGH) === id.high
  }

  #hasValue(slot: number, target: AddressTarget | TextTarget): boolean {
    if (target.kind === 'text') return true // a chain of texts is one scope and value
    if (this.rows.hasFlag(slot, row.IS_RANGE_SCOPE) !== (target.scope === 'Range')) return false
    return (this.rows.textOf(slot)?.value ?? null) === target.oddText
  }

  /**
   * A refresh of the community list or of a blocklist deletes the old rows without saying so and brings the same values
   * under new ids (all LAPI versions). Where the id is the identity, the old row would stay until its expiry.
   */
  #dropSuperseded(slot: number, target: AddressTarget | TextTarget, prefix: Prefix | null): void {
    const origin = this.origins.textOf(this.rows.get(slot, row.LABELS) & 0xffff)
    if (origin !== 'CAPI' && origin !== 'lists') return
    const labels = this.rows.get(slot, row.LABELS)
    const scenario = this.rows.get(slot, row.SCENARIO)
    for (let other = this.#head(target, prefix); other !== 0; ) {
      const next = this.rows.get(other, row.NEXT)
      const same = this.rows.get(other, row.LABELS) === labels && this.rows.get(other, row.SCENARIO) === scenario
      if (other !== slot && same && this.#hasValue(other, target)) this.#drop(other)
      other = next
    }
  }

  #head(target: AddressTarget | TextTarget, prefix: Prefix | null): number {
    if (prefix !== null) return this.#table.get(prefix)
    return target.kind === 'text' ? this.#texts.get(target.scope, target.value) : 0
  }

  /** Puts a new row into its chain behind the rows that are as severe or more. */
  #link(slot: number, head: number, target: AddressTarget | TextTarget, prefix: Prefix | null): void {
    const rank = this.rows.rankOf(slot)
    let before = 0
    let after = head
    while (after !== 0 && this.rows.rankOf(after) <= rank) {
      before = after
      after = this.rows.get(after, row.NEXT)
    }
    this.rows.set(slot, row.NEXT, after)
    if (before !== 0) this.rows.set(before, row.NEXT, slot)
    else if (prefix !== null) this.#table.set(prefix, slot)
    else if (target.kind === 'text') this.#texts.set(target.scope, target.value, slot)
  }

  /** Takes a row out of its chain and frees it. */
  #drop(slot: number): void {
    const next = this.rows.get(slot, row.NEXT)
    if (this.rows.hasFlag(slot, row.IS_TEXT_TARGET)) this.#unlinkText(slot, next)
    else this.#unlinkPrefix(slot, next)
    this.#count(slot, -1)
    this.#releaseLabels(this.rows.get(slot, row.LABELS))
    this.scenarios.release(this.rows.get(slot, row.SCENARIO))
    this.rows.free(slot)
  }

  #unlinkPrefix(slot: number, next: number): void {
    const prefix = this.#prefix
    this.readPrefix(slot, prefix)
    const head = this.#table.get(prefix)
    if (head !== slot) this.#unlinkBehind(head, slot, next)
    else if (next === 0) this.#table.delete(prefix)
    else this.#table.set(prefix, next)
  }

  #unlinkText(slot: number, next: number): void {
    const text = this.rows.textOf(slot)
    if (text === undefined) return
    const head = this.#texts.get(text.scope, text.value)
    if (head !== slot) this.#unlinkBehind(head, slot, next)
    else if (next === 0) this.#texts.delete(text.scope, text.value)
    else this.#texts.set(text.scope, text.value, next)
  }

  #unlinkBehind(head: number, slot: number, next: number): void {
    let before = head
    while (this.rows.get(before, row.NEXT) !== slot) before = this.rows.get(before, row.NEXT)
    this.rows.set(before, row.NEXT, next)
  }

  /** Fills in the prefix of a row on addresses. */
  readPrefix(slot: number, prefix: Prefix): void {
    prefix.family = this.rows.hasFlag(slot, row.IS_IPV6) ? 6 : 4
    prefix.length = this.rows.lengthOf(slot)
    this.rows.readAddress(slot, prefix.words)
  }

  #acquireLabels(decision: WireDecision): number | null {
    const type = this.types.acquire(decision.type)
    if (type === -1) return null
    const origin = this.origins.acquire(textOrEmpty(decision.origin))
    if (origin === -1) {
      this.types.release(type)
      return null
    }
    return (type << 16) | origin
  }

  #releaseLabels(labels: number): void {
    this.types.release(labels >>> 16)
    this.origins.release(labels & 0xffff)
  }

  #count(slot: number, change: 1 | -1): void {
    const shape = this.rows.get(slot, row.SHAPE)
    if ((shape & row.IS_CONTINUATION) !== 0) return
    this.#size += change
    const labels = this.rows.get(slot, row.LABELS) >>> 0
    const family = familyOf(shape)
    const key = labels * 3 + FAMILIES.indexOf(family)
    const entry = this.#counts.get(key)
    if (entry === undefined) {
      const type = this.types.textOf(labels >>> 16)
      const origin = this.origins.textOf(labels & 0xffff)
      this.#counts.set(key, { type, origin, family, count: change })
    } else {
      entry.count += change
      if (entry.count === 0) this.#counts.delete(key)
    }
  }
}

const FAMILIES = ['ipv4', 'ipv6', 'other'] as const

function familyOf(shape: number): DecisionCount['family'] {
  if ((shape & row.IS_TEXT_TARGET) !== 0) return 'other'
  return (shape & row.IS_IPV6) === 0 ? 'ipv4' : 'ipv6'
}

function shapeOf(target: AddressTarget | TextTarget, prefix: Prefix | null): number {
  if (target.kind === 'text') return row.IS_TEXT_TARGET | row.HAS_TEXT
  const family = prefix?.family === 6 ? row.IS_IPV6 : 0
  const scope = target.scope === 'Range' ? row.IS_RANGE_SCOPE : 0
  return family | scope | (target.oddText === null ? 0 : row.HAS_TEXT)
}

/** Checks what typed code cannot: a user's source and a LAPI's JSON may hold anything. */
function findProblem(decision: WireDecision): 'missing_field' | 'too_long' | null {
  const { type, scope, value, duration } = decision
  if (!isText(type) || !isText(scope) || !isText(value) || !isText(duration)) return 'missing_field'
  if (type.length > LONGEST_TEXT || scope.length > LONGEST_TEXT || value.length > LONGEST_TEXT) return 'too_long'
  return duration.length > LONGEST_TEXT || textOrEmpty(decision.origin).length > LONGEST_TEXT ? 'too_long' : null
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function textOrEmpty(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function cutScenario(scenario: unknown): string {
  const text = textOrEmpty(scenario)
  return text.length > LONGEST_SCENARIO ? text.slice(0, LONGEST_SCENARIO) : text
}
