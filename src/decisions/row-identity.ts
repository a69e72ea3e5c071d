/** Finds the row that holds the same decision as one that came. */

import type { Prefix } from '../net/prefix.js'
import type { IdWords } from './decision-id.js'
import type { DecisionRows } from './decision-rows.js'
import * as row from './decision-rows.js'
import type { RowLabels } from './row-labels.js'
import type { Target } from './target.js'
import type { WireDecision } from './wire-decision.js'

/**
 * What makes two decisions the same one. `value`: scope, value as received and type, for a LAPI that removes duplicates (its
 * default) and names in `deleted` ids that it never sent. `id`: the row id too, for `dedup=false`, where only that is right.
 * `list`: the origin too, and the scenario where the origin is `lists`, for lists that come and go one by one.
 */
export type Identity = 'value' | 'id' | 'list'

export class RowIdentity {
  readonly #rows: DecisionRows
  readonly #labels: RowLabels
  readonly #identity: Identity

  constructor(rows: DecisionRows, labels: RowLabels, identity: Identity) {
    this.#rows = rows
    this.#labels = labels
    this.#identity = identity
  }

  /** The row of the same decision in a chain, or 0. */
  find(head: number, target: Target, decision: WireDecision, id: IdWords | null): number {
    const type = this.#labels.types.find(decision.type)
    for (let slot = head; slot !== 0; slot = this.#rows.get(slot, row.NEXT)) {
      if (this.#rows.get(slot, row.LABELS) >>> 16 !== type) continue
      if (this.hasValue(slot, target) && (this.#identity === 'value' || this.#isSame(slot, decision, id))) return slot
    }
    return 0
  }

  /** Whether a row of the target's chain has its scope and its value as received. */
  hasValue(slot: number, target: Target): boolean {
    if (target.kind === 'text') return true // a chain on a text is of one scope and value
    if (this.#rows.hasFlag(slot, row.IS_RANGE_SCOPE) !== (target.scope === 'Range')) return false
    if (!this.#rows.hasFlag(slot, row.HAS_TEXT)) return target.oddText === null
    return this.#rows.textOf(slot)?.value === target.oddText
  }

  #isSame(slot: number, decision: WireDecision, id: IdWords | null): boolean {
    return this.#identity === 'id' ? this.#rows.hasId(slot, id) : this.#labels.isOfList(slot, decision)
  }
}

/** What the SHAPE of a row says of its target, so that `hasValue` knows it again. */
export function flagsOf(target: Target, prefix: Prefix | null): number {
  if (target.kind === 'text') return row.IN_USE | row.IS_TEXT_TARGET | row.HAS_TEXT
  const family = prefix?.family === 6 ? row.IS_IPV6 : 0
  const scope = target.scope === 'Range' ? row.IS_RANGE_SCOPE : 0
  return row.IN_USE | family | scope | (target.oddText === null ? 0 : row.HAS_TEXT)
}
