/** From what a decision applies to, to its rows: each prefix and each text leads to a chain, the most severe row first. */

import type { AddressWords, Family } from '../net/address.js'
import { createPrefix, type Prefix } from '../net/prefix.js'
import type { Saved, TakeBlock } from '../net/prefix-table/blocks.js'
import type { PageAllocator } from '../net/prefix-table/page-allocator.js'
import { createMatches, PrefixTable } from '../net/prefix-table/prefix-table.js'
import type { DecisionRows } from './decision-rows.js'
import * as row from './decision-rows.js'
import type { Target } from './target.js'
import { TextIndex } from './text-index.js'

export class RowChains implements Saved {
  /** The heads that `match` found. */
  readonly matches = createMatches()
  readonly #rows: DecisionRows
  readonly #table: PrefixTable
  readonly #texts = new TextIndex()
  readonly #prefix = createPrefix()

  constructor(rows: DecisionRows, allocator: PageAllocator) {
    this.#rows = rows
    this.#table = new PrefixTable(allocator)
  }

  /** Puts the heads of all chains on prefixes that cover the address into `matches`, and returns how many. */
  match(family: Family, address: AddressWords): number {
    return this.#table.match(family, address, this.matches)
  }

  /** The head of the chain on exactly this text, or 0. */
  headOfText(scope: string, value: string): number {
    return this.#texts.get(scope, value)
  }

  /** The head of the chain on a prefix of the target, or on its text where `prefix` is null; or 0. */
  headOf(target: Target, prefix: Prefix | null): number {
    if (prefix !== null) return this.#table.get(prefix)
    return target.kind === 'text' ? this.#texts.get(target.scope, target.value) : 0
  }

  /** Puts a new row into its chain, which begins with `head`, behind the rows that are as severe or more. */
  link(slot: number, head: number, target: Target, prefix: Prefix | null): void {
    const rank = this.#rows.rankOf(slot)
    let before = 0
    let after = head
    while (after !== 0 && this.#rows.rankOf(after) <= rank) {
      before = after
      after = this.#rows.get(after, row.NEXT)
    }
    this.#rows.set(slot, row.NEXT, after)
    if (before !== 0) this.#rows.set(before, row.NEXT, slot)
    else if (prefix !== null) this.#table.set(prefix, slot)
    else if (target.kind === 'text') this.#texts.set(target.scope, target.value, slot)
  }

  /** Takes a row out of its chain. */
  unlink(slot: number): void {
    const next = this.#rows.get(slot, row.NEXT)
    const text = this.#rows.hasFlag(slot, row.IS_TEXT_TARGET) ? this.#rows.textOf(slot) : undefined
    if (text === undefined) this.#unlinkFromPrefix(slot, next)
    else {
      const head = this.#texts.get(text.scope, text.value)
      if (head !== slot) this.#unlinkBehind(head, slot, next)
      else if (next === 0) this.#texts.delete(text.scope, text.value)
      else this.#texts.set(text.scope, text.value, next)
    }
  }

  /** The chains on texts are few and are made anew from the rows. */
  blocks(): Iterable<Int32Array> {
    return this.#table.blocks()
  }

  /** The rows must have been restored. */
  async restore(take: TakeBlock): Promise<void> {
    await this.#table.restore(take)
    const isHead = new Set<number>()
    for (const slot of this.#rows.textRows()) if (this.#rows.hasFlag(slot, row.IS_TEXT_TARGET)) isHead.add(slot)
    for (const slot of [...isHead]) isHead.delete(this.#rows.get(slot, row.NEXT))
    for (const slot of isHead) {
      const text = this.#rows.textOf(slot)
      if (text !== undefined) this.#texts.set(text.scope, text.value, slot)
    }
  }

  #unlinkFromPrefix(slot: number, next: number): void {
    const prefix = this.#prefix
    this.#rows.readPrefix(slot, prefix)
    const head = this.#table.get(prefix)
    if (head !== slot) this.#unlinkBehind(head, slot, next)
    else if (next === 0) this.#table.delete(prefix)
    else this.#table.set(prefix, next)
  }

  #unlinkBehind(head: number, slot: number, next: number): void {
    let before = head
    while (this.#rows.get(before, row.NEXT) !== slot) before = this.#rows.get(before, row.NEXT)
    this.#rows.set(before, row.NEXT, next)
  }
}
