/** Finds the rows in force on an address or a text. Hot: runs for every check, and `match` allocates nothing. */

import type { AddressWords, Family } from '../net/address.js'
import type { TickClock } from './clock.js'
import type { DecisionRows } from './decision-rows.js'
import * as row from './decision-rows.js'
import type { RowChains } from './row-chains.js'

export class RowMatcher {
  readonly #rows: DecisionRows
  readonly #chains: RowChains
  readonly #ticks: TickClock

  constructor(rows: DecisionRows, chains: RowChains, ticks: TickClock) {
    this.#rows = rows
    this.#chains = chains
    this.#ticks = ticks
  }

  /** The row of the most severe decision in force on an address, the most specific of equals; 0 if there is none. */
  match(family: Family, address: AddressWords): number {
    const count = this.#chains.match(family, address)
    return count === 0 ? 0 : this.#mostSevere(count)
  }

  /** The row of the most severe decision in force on exactly this text; 0 if there is none. */
  matchText(scope: string, value: string): number {
    return this.#firstInForce(this.#chains.headOfText(scope, value))
  }

  /** All rows in force on an address. */
  matchAll(family: Family, address: AddressWords): number[] {
    const count = this.#chains.match(family, address)
    return [...this.#chains.matches.subarray(0, count)].flatMap((head) => this.#allInForce(head))
  }

  /** All rows in force on exactly this text. */
  matchAllText(scope: string, value: string): number[] {
    return this.#allInForce(this.#chains.headOfText(scope, value))
  }

  #mostSevere(count: number): number {
    let best = 0
    let bestRank = Number.POSITIVE_INFINITY
    for (let i = 0; i < count; i++) {
      const slot = this.#firstInForce(this.#chains.matches[i])
      if (slot === 0) continue
      const rank = this.#rows.rankOf(slot)
      if (rank < bestRank) {
        best = slot
        bestRank = rank
      }
    }
    return best
  }

  #firstInForce(head: number): number {
    let slot = head
    while (slot !== 0 && !this.#ticks.isAhead(this.#rows.expiresAt(slot))) slot = this.#rows.get(slot, row.NEXT)
    return slot
  }

  #allInForce(head: number): number[] {
    const slots: number[] = []
    for (let slot = head; slot !== 0; slot = this.#rows.get(slot, row.NEXT)) {
      if (this.#ticks.isAhead(this.#rows.expiresAt(slot))) slots.push(slot)
    }
    return slots
  }
}
