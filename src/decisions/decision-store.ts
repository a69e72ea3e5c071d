/**
 * The truth about one source's decisions: identity, renewal, expiry and severity. No JS object is kept for a decision on an
 * address; it is one row, or several for a `first-last` range, found through its prefix.
 */

import type { Prefix } from '../net/prefix.js'
import type { Saved, TakeBlock } from '../net/prefix-table/blocks.js'
import { PageAllocator } from '../net/prefix-table/page-allocator.js'
import { LAST_TICK, type MonotonicClock, processClock, TICK, TickClock } from './clock.js'
import { type IdWords, splitId } from './decision-id.js'
import * as row from './decision-rows.js'
import { DecisionRows } from './decision-rows.js'
import { parseGoDuration } from './go-duration.js'
import { RowChains } from './row-chains.js'
import { flagsOf, type Identity, RowIdentity } from './row-identity.js'
import { RowLabels } from './row-labels.js'
import { RowMatcher } from './row-matcher.js'
import { Severity } from './severity.js'
import { findProblem, type SkipReason } from './skip-reason.js'
import { SlotSet } from './slot-set.js'
import { type Target, TargetReader } from './target.js'
import type { WireDecision } from './wire-decision.js'

/** What became of a decision that was put. */
export type PutResult = 'added' | 'renewed' | SkipReason

export interface DecisionStoreOptions {
  readonly identity?: Identity
  readonly severity?: Severity
  readonly clock?: MonotonicClock
  /** Rows at most: 2^27 by default, which is 4 GiB of them. */
  readonly limit?: number
}

/** What is said of one target. */
interface Statement {
  readonly decision: WireDecision
  readonly target: Target
  readonly id: IdWords | null
  readonly expires: number
}

export class DecisionStore implements Saved {
  readonly identity: Identity
  readonly clock: MonotonicClock
  readonly rows: DecisionRows
  readonly labels: RowLabels
  /** Time as the store's rows count it. */
  readonly ticks: TickClock
  readonly matcher: RowMatcher
  readonly #allocator = new PageAllocator()
  readonly #chains: RowChains
  readonly #identities: RowIdentity
  readonly #severity: Severity
  readonly #targets = new TargetReader()
  #protected: SlotSet | null = null
  #isFrozen = false

  constructor(options: DecisionStoreOptions = {}) {
    this.identity = options.identity ?? 'value'
    this.clock = options.clock ?? processClock
    this.ticks = new TickClock(this.clock)
    this.#severity = options.severity ?? new Severity()
    this.rows = new DecisionRows(this.#allocator, options.limit ?? 1 << 27)
    this.labels = new RowLabels(this.rows)
    this.#chains = new RowChains(this.rows, this.#allocator)
    this.#identities = new RowIdentity(this.rows, this.labels, this.identity)
    this.matcher = new RowMatcher(this.rows, this.#chains, this.ticks)
  }

  /** Decisions held, those included that are over and not yet swept. */
  get size(): number {
    return this.labels.total
  }

  /** Bytes of typed arrays in use. */
  get bytes(): number {
    return this.#allocator.bytes
  }

  /** Adds a decision, or overwrites expiry, id, origin and scenario of the same one: the newest statement is the truth. */
  put(decision: WireDecision): PutResult {
    const problem = findProblem(decision)
    if (problem !== null) return problem
    const milliseconds = parseGoDuration(decision.duration)
    if (milliseconds === undefined) return 'bad_duration'
    const target = this.#targets.read(decision.scope, decision.value)
    if (target === null) return 'bad_value'
    if (milliseconds > 0) return this.#putTarget(target, decision, milliseconds)
    this.#removeTarget(target, decision)
    return 'over'
  }

  /** Removes a decision; false if it is not held, which is normal. Only what makes it the same one counts (see `Identity`). */
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

  /**
   * Frees, among `count` slots from `from` on, the rows that the change under way has not put and of which `isReplaced` says
   * so. Returns where to go on, or 0 at the end.
   */
  dropReplaced(from: number, count: number, isReplaced: (origin: string, scenario: string) => boolean): number {
    const end = Math.min(from + count, this.rows.end)
    for (let slot = Math.max(from, 1); slot < end; slot++) {
      if (!this.rows.isInUse(slot) || this.#protected?.has(slot) === true) continue
      if (isReplaced(this.labels.originOf(slot), this.labels.scenarioOf(slot))) this.#drop(slot)
    }
    return end === this.rows.end ? 0 : end
  }

  /**
   * Frees the rows that are over among `count` slots from `from` on. Returns where to go on, or 0 at the end. Judging never
   * depends on it: a row that is over does not match. Reading the rows in order is so cheap (about 5 ms a million) that no
   * queue of expiries is worth its memory.
   */
  sweep(from: number, count: number): number {
    if (this.#isFrozen) return 0
    const now = this.ticks.now()
    const end = Math.min(from + count, this.rows.end)
    for (let slot = Math.max(from, 1); slot < end; slot++) {
      if (this.rows.expiresAt(slot) <= now && this.rows.isInUse(slot)) this.#drop(slot)
    }
    return end === this.rows.end ? 0 : end
  }

  /** While frozen nothing is swept, so that the store can be saved piece by piece. Whoever puts and removes must wait too. */
  freeze(isFrozen: boolean): void {
    this.#isFrozen = isFrozen
  }

  /** Everything, with the wall-clock time of tick 0 first: another process has another tick 0. */
  *blocks(): Generator<Int32Array> {
    yield new Int32Array(Float64Array.of(this.ticks.wallTimeOfZero()).buffer)
    yield* this.rows.blocks()
    yield* this.labels.blocks()
    yield* this.#chains.blocks()
  }

  /** Decisions that ended meanwhile are not in force, by the wall clock, or by `savedAt` (Unix milliseconds) if that is later. */
  async restore(take: TakeBlock, savedAt = 0): Promise<void> {
    const [wallTimeOfTickZero] = new Float64Array((await take()).slice().buffer)
    await this.rows.restore(take)
    await this.labels.restore(take)
    await this.#chains.restore(take)
    this.rows.shiftExpiry(Math.round((wallTimeOfTickZero - this.ticks.wallTimeOfZero(savedAt)) / TICK))
  }

  #putTarget(target: Target, decision: WireDecision, milliseconds: number): PutResult {
    const expires = Math.min(Math.ceil((this.clock() + milliseconds) / TICK), LAST_TICK)
    const statement = { decision, target, id: splitId(decision.id), expires }
    if (target.kind === 'text') return this.#putRow(statement, null, 0)
    let result: PutResult = 'renewed'
    for (let i = 0; i < target.prefixes.length; i++) {
      const one = this.#putRow(statement, target.prefixes[i], i === 0 ? 0 : row.IS_CONTINUATION)
      if (one === 'limit') return one
      if (i === 0) result = one
    }
    return result
  }

  #putRow(statement: Statement, prefix: Prefix | null, flags: number): PutResult {
    const { decision, target, id, expires } = statement
    const head = this.#chains.headOf(target, prefix)
    const known = head === 0 ? 0 : this.#identities.find(head, target, decision, id)
    if (known === 0) return this.#addRow(head, statement, prefix, flags)
    this.labels.renew(known, decision)
    this.rows.set(known, row.EXPIRES, expires)
    this.rows.setId(known, id)
    this.#protected?.add(known)
    return 'renewed'
  }

  #addRow(head: number, statement: Statement, prefix: Prefix | null, flags: number): PutResult {
    const { decision, target, id, expires } = statement
    const labels = this.labels.acquire(decision)
    if (labels === null) return 'limit'
    const slot = this.rows.allocate()
    if (slot === 0) {
      this.labels.release(labels)
      return 'limit'
    }
    const rank = this.#severity.rankOf(decision.type)
    this.rows.set(slot, row.SHAPE, (rank << 16) | ((prefix?.length ?? 0) << 8) | flags | flagsOf(target, prefix))
    this.rows.set(slot, row.EXPIRES, expires)
    this.rows.setId(slot, id)
    if (prefix !== null) this.rows.setAddress(slot, prefix.words)
    if (this.rows.hasFlag(slot, row.HAS_TEXT)) this.rows.setText(slot, { scope: target.scope, value: decision.value })
    this.labels.attach(slot, labels, decision)
    this.#chains.link(slot, head, target, prefix)
    this.#protected?.add(slot)
    if (this.identity === 'id') this.#dropSuperseded(slot, target, prefix)
    return 'added'
  }

  #removeTarget(target: Target, decision: WireDecision): boolean {
    const id = splitId(decision.id)
    if (target.kind === 'text') return this.#removeRow(target, null, decision, id)
    let removed = false
    for (const prefix of target.prefixes) removed = this.#removeRow(target, prefix, decision, id) || removed
    return removed
  }

  #removeRow(target: Target, prefix: Prefix | null, decision: WireDecision, id: IdWords | null): boolean {
    const head = this.#chains.headOf(target, prefix)
    const slot = head === 0 ? 0 : this.#identities.find(head, target, decision, id)
    if (slot === 0 || this.#protected?.has(slot) === true) return false
    this.#drop(slot)
    return true
  }

  /**
   * A refresh of the community list or of a blocklist deletes all rows of its origin and value without saying so, and brings
   * them under new ids (all LAPI versions). Where the id is the identity, an old row would stay until its expiry. Rows that
   * came in the same change belong to the same refresh.
   */
  #dropSuperseded(slot: number, target: Target, prefix: Prefix | null): void {
    const arrived = this.#protected
    const origin = this.labels.originOf(slot)
    if (arrived === null || (origin !== 'CAPI' && origin !== 'lists')) return
    for (let other = this.#chains.headOf(target, prefix); other !== 0; ) {
      const next = this.rows.get(other, row.NEXT)
      const isOld = !arrived.has(other) && this.labels.originOf(other) === origin
      if (isOld && this.#identities.hasValue(other, target)) this.#drop(other)
      other = next
    }
  }

  #drop(slot: number): void {
    this.#chains.unlink(slot)
    this.labels.detach(slot)
    this.rows.free(slot)
  }
}
