/**
 * The columns of a decision: 32 bytes a row, one row for each prefix of a decision (a `first-last` range has several), so that
 * judging a match reads one place in memory. IPv6 addresses stand in records of their own; rare texts in a map.
 *
 *   NEXT      the next row on the same prefix or text, less severe or equal; 0 at the end
 *   EXPIRES   ticks (tenths of a second of the monotonic clock), unsigned
 *   SHAPE     rank << 16 | prefix length << 8 | flags; 0 in a free row
 *   LABELS    type id << 16 | origin id
 *   ADDRESS   the IPv4 word, or the slot of the IPv6 words
 *   SCENARIO  scenario id
 *   ID_LOW, ID_HIGH   the row id as 64 bits
 */

import type { Prefix } from '../net/prefix.js'
import type { Saved, TakeBlock } from '../net/prefix-table/blocks.js'
import type { PageAllocator } from '../net/prefix-table/page-allocator.js'
import { LAST_TICK } from './clock.js'
import type { IdWords } from './decision-id.js'
import { SlotPages } from './slot-pages.js'
import { decodeTexts, encodeTexts } from './text-block.js'

export const NEXT = 0
export const EXPIRES = 1
export const SHAPE = 2
export const LABELS = 3
export const ADDRESS = 4
export const SCENARIO = 5
export const ID_LOW = 6
export const ID_HIGH = 7

/** Flags in SHAPE. */
export const IN_USE = 1
export const IS_IPV6 = 2
export const IS_RANGE_SCOPE = 4
/** The value cannot be rebuilt from the prefix, or there is no prefix: see `texts`. */
export const HAS_TEXT = 8
/** Applies to exact text, not to addresses. */
export const IS_TEXT_TARGET = 16
export const HAS_ID = 32
/** Not the first of the rows that make up one decision, and not counted. */
export const IS_CONTINUATION = 64

/** The scope and the value as received, for the few rows that need them. */
export interface RowText {
  readonly scope: string
  readonly value: string
}

export class DecisionRows implements Saved {
  readonly #rows: SlotPages
  readonly #ipv6: SlotPages
  readonly #texts = new Map<number, RowText>()

  constructor(allocator: PageAllocator, limit: number) {
    this.#rows = new SlotPages(allocator, 8, limit)
    this.#ipv6 = new SlotPages(allocator, 4, limit)
  }

  /** Every row in use has a slot from 1 to below this. */
  get end(): number {
    return this.#rows.end
  }

  /** A new row, or 0 when the limit is reached. */
  allocate(): number {
    return this.#rows.allocate()
  }

  free(slot: number): void {
    const shape = this.get(slot, SHAPE)
    if ((shape & IS_IPV6) !== 0) this.#ipv6.free(this.get(slot, ADDRESS))
    if ((shape & HAS_TEXT) !== 0) this.#texts.delete(slot)
    this.#rows.free(slot)
  }

  get(slot: number, word: number): number {
    return this.#rows.get(slot, word)
  }

  /** The page that holds a row and, with `offsetOf`, where: for who reads several words of it. */
  pageOf(slot: number): Int32Array {
    return this.#rows.pageOf(slot)
  }

  offsetOf(slot: number): number {
    return this.#rows.offsetOf(slot)
  }

  set(slot: number, word: number, value: number): void {
    this.#rows.set(slot, word, value)
  }

  isInUse(slot: number): boolean {
    return (this.get(slot, SHAPE) & IN_USE) !== 0
  }

  rankOf(slot: number): number {
    return this.get(slot, SHAPE) >>> 16
  }

  /** Less is what wins: the more severe, and of equals the more specific. */
  orderOf(slot: number): number {
    const shape = this.get(slot, SHAPE)
    return ((shape >>> 16) << 8) | (0xff - ((shape >>> 8) & 0xff))
  }

  lengthOf(slot: number): number {
    return (this.get(slot, SHAPE) >>> 8) & 0xff
  }

  expiresAt(slot: number): number {
    return this.get(slot, EXPIRES) >>> 0
  }

  /** Moves the end of all decisions: restored in another process, ticks count from another moment. */
  shiftExpiry(ticks: number): void {
    for (let slot = 1; slot < this.end; slot++) {
      this.set(slot, EXPIRES, Math.min(Math.max(this.expiresAt(slot) + ticks, 0), LAST_TICK))
    }
  }

  hasFlag(slot: number, flag: number): boolean {
    return (this.get(slot, SHAPE) & flag) !== 0
  }

  hasId(slot: number, id: IdWords | null): boolean {
    if (!this.hasFlag(slot, HAS_ID)) return id === null
    return id !== null && this.get(slot, ID_LOW) === id.low && this.get(slot, ID_HIGH) === id.high
  }

  setId(slot: number, id: IdWords | null): void {
    const shape = this.get(slot, SHAPE)
    this.set(slot, SHAPE, id === null ? shape & ~HAS_ID : shape | HAS_ID)
    this.set(slot, ID_LOW, id === null ? 0 : id.low)
    this.set(slot, ID_HIGH, id === null ? 0 : id.high)
  }

  textOf(slot: number): RowText | undefined {
    return this.#texts.get(slot)
  }

  setText(slot: number, text: RowText): void {
    this.#texts.set(slot, text)
  }

  /** Stores the words of a new row's address. SHAPE must say the family. */
  setAddress(slot: number, words: Int32Array): void {
    if (!this.hasFlag(slot, IS_IPV6)) {
      this.set(slot, ADDRESS, words[0])
      return
    }
    const at = this.#ipv6.allocate()
    this.set(slot, ADDRESS, at)
    for (let word = 0; word < 4; word++) this.#ipv6.set(at, word, words[word])
  }

  *blocks(): Generator<Int32Array> {
    yield* this.#rows.blocks()
    yield* this.#ipv6.blocks()
    yield Int32Array.from(this.#texts.keys())
    yield encodeTexts([...this.#texts.values()].flatMap(({ scope, value }) => [scope, value]))
  }

  async restore(take: TakeBlock): Promise<void> {
    await this.#rows.restore(take)
    await this.#ipv6.restore(take)
    const slots = await take()
    const texts = decodeTexts(await take())
    for (const [i, slot] of slots.entries()) this.#texts.set(slot, { scope: texts[2 * i], value: texts[2 * i + 1] })
  }

  /** The rows that have a text of their own. */
  textRows(): Iterable<number> {
    return this.#texts.keys()
  }

  /** Fills in the prefix of a row on addresses. */
  readPrefix(slot: number, prefix: Prefix): void {
    const address = this.get(slot, ADDRESS)
    prefix.length = this.lengthOf(slot)
    prefix.family = this.hasFlag(slot, IS_IPV6) ? 6 : 4
    if (prefix.family === 4) prefix.words[0] = address
    else for (let word = 0; word < 4; word++) prefix.words[word] = this.#ipv6.get(address, word)
  }
}
