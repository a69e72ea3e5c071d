/** The sink of one source: writes what the source tells into a decision store, in slices, and keeps the account of it. */

import { DecisionStore, type DecisionStoreOptions } from '../decisions/decision-store.js'
import type { SkipReason } from '../decisions/skip-reason.js'
import type { DecisionChange, WireDecision } from '../decisions/wire-decision.js'
import { TimeSlice } from '../time-slice.js'
import type { ChangeSummary, DecisionSink, ReplaceSummary } from './source.js'

/** One success of a source, told when it is in force. */
export interface SyncReport extends ChangeSummary {
  readonly kind: 'replaced' | 'changed'
  /** From the call of the source to the end, waiting for its data included. */
  readonly milliseconds: number
}

/** Who is told what happens at a sink. */
export interface SinkListener {
  synced(report: SyncReport): void
  failed(error: Error): void
  /** A decision was refused. The same one for the same reason is told once. */
  refused(decision: WireDecision, reason: SkipReason): void
}

type Decisions = Parameters<DecisionSink['replaceAll']>[0]
type Changes = Parameters<DecisionSink['apply']>[0]
type Replaces = NonNullable<DecisionChange['replaces']>

const STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 64
const ROWS_A_STEP = 1024
/** So many different refused decisions are remembered, so that each is told once. */
const MOST_REMEMBERED = 1000

export class StoreSink implements DecisionSink {
  /** What is in force. `replaceAll` puts another one in its place. */
  store: DecisionStore
  /** Refused decisions, by reason. */
  readonly skipped = new Map<SkipReason, number>()
  readonly #storeOptions: DecisionStoreOptions
  readonly #listener: SinkListener
  readonly #remembered = new Set<string>()
  #queue: Promise<unknown> = Promise.resolve()
  #steps = 0

  constructor(storeOptions: DecisionStoreOptions, listener: SinkListener) {
    this.#storeOptions = storeOptions
    this.#listener = listener
    this.store = this.createStore()
  }

  get held(): number {
    return this.store.size
  }

  replaceAll(decisions: Decisions): Promise<ReplaceSummary> {
    return this.#inTurn(() => this.#replaceAll(decisions))
  }

  apply(change: Changes): Promise<ChangeSummary> {
    return this.#inTurn(() => this.#apply(change))
  }

  /** Runs work on the store in turn with what the source does, so that the store does not change meanwhile. */
  whileQuiet(work: (store: DecisionStore) => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const { store } = this
      store.freeze(true)
      try {
        await work(store)
      } finally {
        store.freeze(false)
      }
    })
  }

  /** An empty store with this sink's settings, to be filled and put in force by setting `store`. */
  createStore(): DecisionStore {
    return new DecisionStore(this.#storeOptions)
  }

  failed(error: Error): void {
    this.#listener.failed(error)
  }

  /** One call after the other, also where a source does not wait. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#queue.then(work)
    this.#queue = done.catch(() => {})
    return done
  }

  async #replaceAll(decisions: Decisions): Promise<ReplaceSummary> {
    const began = performance.now()
    const fresh = this.createStore()
    const slice = new TimeSlice()
    const tally = new Tally()
    if (Symbol.asyncIterator in decisions) {
      for await (const item of decisions) {
        if (isList(item)) await this.#putAll(fresh, item, slice, tally)
        else this.#put(fresh, item, tally)
      }
    } else await this.#putAll(fresh, decisions, slice, tally)
    this.store = fresh
    return this.#report('replaced', tally, began)
  }

  async #apply(change: Changes): Promise<ChangeSummary> {
    const began = performance.now()
    const slice = new TimeSlice()
    const tally = new Tally()
    const replaced: Replaces[] = []
    this.store.beginChange()
    try {
      for await (const piece of Symbol.asyncIterator in change ? change : [change]) {
        await this.#applyPiece(piece, slice, tally)
        if (piece.replaces !== undefined) replaced.push(piece.replaces)
      }
      for (const isReplaced of replaced) await this.#dropReplaced(isReplaced, slice, tally)
    } finally {
      this.store.endChange()
    }
    return this.#report('changed', tally, began)
  }

  async #applyPiece(change: DecisionChange, slice: TimeSlice, tally: Tally): Promise<void> {
    for (const decision of change.deleted ?? []) {
      if (this.store.remove(decision)) tally.removed++
      if (this.#isTimeToLook() && slice.isOver()) await slice.rest()
    }
    await this.#putAll(this.store, change.new ?? [], slice, tally)
  }

  async #dropReplaced(isReplaced: Replaces, slice: TimeSlice, tally: Tally): Promise<void> {
    let slot = 0
    do {
      const before = this.store.size
      slot = this.store.dropReplaced(slot, ROWS_A_STEP, isReplaced)
      tally.removed += before - this.store.size
      if (slice.isOver()) await slice.rest()
    } while (slot !== 0)
  }

  async #putAll(
    store: DecisionStore,
    decisions: Iterable<WireDecision>,
    slice: TimeSlice,
    tally: Tally,
  ): Promise<void> {
    for (const decision of decisions) {
      this.#put(store, decision, tally)
      if (this.#isTimeToLook() && slice.isOver()) await slice.rest()
    }
  }

  #put(store: DecisionStore, decision: WireDecision, tally: Tally): void {
    const result = store.put(decision)
    if (result === 'added' || result === 'renewed') tally.added++
    else {
      tally.skipped++
      this.#refuse(decision, result)
    }
  }

  #refuse(decision: WireDecision, reason: SkipReason): void {
    this.skipped.set(reason, (this.skipped.get(reason) ?? 0) + 1)
    if (reason === 'over') return // a decision that ended on its way here: nothing is wrong
    const key = `${reason} ${String(decision?.value).slice(0, 100)}`
    if (this.#remembered.size >= MOST_REMEMBERED || this.#remembered.has(key)) return
    this.#remembered.add(key)
    this.#listener.refused(decision, reason)
  }

  #report(kind: SyncReport['kind'], tally: Tally, began: number): ChangeSummary {
    const { added, removed, skipped } = tally
    const summary = { held: this.store.size, added, removed, skipped }
    this.#listener.synced({ kind, ...summary, milliseconds: performance.now() - began })
    return summary
  }

  #isTimeToLook(): boolean {
    return ++this.#steps % STEPS_BETWEEN_LOOKS_AT_THE_CLOCK === 0
  }
}

class Tally {
  added = 0
  removed = 0
  skipped = 0
}

function isList(item: WireDecision | readonly WireDecision[]): item is readonly WireDecision[] {
  return Array.isArray(item)
}
