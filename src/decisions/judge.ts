/** The hot path: one address against every store. An address that nothing matches costs no allocation. */

import { createAddressWords, type Family, parseAddress } from '../net/address.js'
import { ALLOWED, type Decision, type Verdict } from './decision.js'
import type { DecisionStore } from './decision-store.js'
import { RowVerdict } from './row-verdict.js'
import { canonicalScope } from './scope.js'

/** What else is known of a visitor: scope to value, such as `{ Country: 'FR', AS: '64500', username: 'bob' }`. */
export type Subjects = Readonly<Record<string, string>>

/** Where a store is found now; another one may take its place at any time. */
export interface StoreHolder {
  readonly store: DecisionStore
}

const LAST = 0x7fff_ffff

export class Judge {
  /** The family of the address judged last; 0 if it was no address. */
  family: Family = 0
  readonly #holders: readonly StoreHolder[]
  /** The words of that address. */
  readonly words = createAddressWords()
  // The best row found so far while judging.
  #store: DecisionStore | null = null
  #slot = 0
  #order = LAST

  constructor(holders: readonly StoreHolder[]) {
    this.#holders = holders
  }

  /** The verdict where no policy stands between. */
  judge(address: string, subjects: Subjects | undefined): Verdict {
    return this.find(address, subjects) ?? ALLOWED
  }

  /** The most severe decision in force over all that match; of equals the most specific, then the first source's. */
  find(address: string, subjects: Subjects | undefined): RowVerdict | null {
    this.family = typeof address === 'string' ? parseAddress(address, this.words) : 0
    this.#order = LAST
    this.#store = null
    const holders = this.#holders
    for (let i = 0; i < holders.length; i++) {
      const store = holders[i].store
      this.#consider(store, store.matcher.match(this.family, this.words))
      if (subjects !== undefined) this.#considerSubjects(store, subjects)
    }
    const store: DecisionStore | null = this.#store
    this.#store = null // a store that is replaced later must not be kept alive by the last hit
    return store === null ? null : new RowVerdict(store, this.#slot, this.words)
  }

  /** All that match, the winner first. */
  explain(address: string, subjects: Subjects | undefined): Decision[] {
    return this.findAll(address, subjects).map(({ decision }) => decision)
  }

  /** Like `find`, but all that match, the winner first. */
  findAll(address: string, subjects: Subjects | undefined): RowVerdict[] {
    this.family = typeof address === 'string' ? parseAddress(address, this.words) : 0
    const found = this.#holders.flatMap(({ store }) => {
      const texts = Object.entries(subjects ?? {}).flatMap(([scope, value]) =>
        store.matcher.matchAllText(canonicalScope(scope), value),
      )
      return [...store.matcher.matchAll(this.family, this.words), ...texts].map((slot) => ({
        order: store.rows.orderOf(slot),
        verdict: new RowVerdict(store, slot, this.words),
      }))
    })
    return found.sort((a, b) => a.order - b.order).map(({ verdict }) => verdict)
  }

  #consider(store: DecisionStore, slot: number): void {
    if (slot === 0) return
    const order = store.rows.orderOf(slot)
    if (order >= this.#order) return
    this.#store = store
    this.#slot = slot
    this.#order = order
  }

  #considerSubjects(store: DecisionStore, subjects: Subjects): void {
    for (const scope in subjects) this.#consider(store, store.matcher.matchText(canonicalScope(scope), subjects[scope]))
  }
}
