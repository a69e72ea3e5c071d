/**
 * IPv4 prefixes, each with a value. Five structures, so that the usual request, whose address nobody listed, costs little:
 *
 *   touched  2^24 bits, one a /24: does a single address or a prefix of /17 to /31 touch it?      2 MiB, mostly in cache
 *   ranged   2^24 bits, one a /24: is there a prefix among them?                                   2 MiB, read for hits only
 *   lengths  2^16 words, one a /16: bit L is set if a prefix of length L (0 to 31) covers or lies in it            256 KiB
 *   singles  hash: address -> value                                                    32 neighbours share a home slot
 *   ranges   hash: prefix and length in one word -> value
 *
 * A miss reads `lengths` and `touched` and is over. A hit costs one probe more; where ranges touch its /24, one for each
 * length in its /16. Nothing is expanded: a prefix longer than /16 sets at most 128 bits, a shorter one its bit in 2^(16 - L) words.
 * Invariant: every bit is exact. Deletion proves that nothing else needs a bit before it clears it. Two counts make that
 * cheap: how many prefixes of each length above 16 lie in a /16, and how many of /25 to /31 in a /24.
 */

import type { Saved, TakeBlock } from './blocks.js'
import type { PageAllocator } from './page-allocator.js'
import { PagedTable } from './paged-table.js'

/** Lengths that cover a whole /16: they need no bit in `touched`. */
const SHORT_LENGTHS = 0x1ffff
const LENGTHS_17_TO_24 = 0x1fe0000
const GROUP_BITS = 5

export class Ipv4Table implements Saved {
  readonly #touched: Int32Array
  readonly #ranged: Int32Array
  readonly #lengths: Int32Array
  readonly #singles: PagedTable
  readonly #ranges: PagedTable
  readonly #rangeCounts: PagedTable

  constructor(allocator: PageAllocator, seed: number) {
    this.#touched = allocator.allocate(1 << 19)
    this.#ranged = allocator.allocate(1 << 19)
    this.#lengths = allocator.allocate(1 << 16)
    this.#singles = new PagedTable(allocator, { keyWords: 1, stride: 2, groupBits: GROUP_BITS, seed })
    this.#ranges = new PagedTable(allocator, { keyWords: 1, stride: 2, seed })
    this.#rangeCounts = new PagedTable(allocator, { keyWords: 1, stride: 2, seed })
  }

  /** Writes the values of all prefixes that cover the address to `values`, the longest prefix first; returns how many. */
  match(address: number, values: Int32Array): number {
    let count = 0
    let lengths = this.#lengths[address >>> 16]
    if (!hasBit(this.#touched, address >>> 8)) lengths &= SHORT_LENGTHS
    else {
      if (!hasBit(this.#ranged, address >>> 8)) lengths &= SHORT_LENGTHS
      if (this.#singles.findWord(address)) values[count++] = this.#singles.page[this.#singles.at + 1]
    }
    while (lengths !== 0) {
      const length = 31 - Math.clz32(lengths)
      lengths &= ~(1 << length)
      if (this.#ranges.findWord(rangeKey(address, length))) values[count++] = this.#ranges.page[this.#ranges.at + 1]
    }
    return count
  }

  /** The value of exactly this prefix, or 0. */
  get(address: number, length: number): number {
    const table = length === 32 ? this.#singles : this.#ranges
    return table.find(keyOf(address, length), 0, 0, 0) ? table.page[table.at + 1] : 0
  }

  /** Sets the value (not 0) of a prefix whose host bits are 0. */
  set(address: number, length: number, value: number): void {
    const table = length === 32 ? this.#singles : this.#ranges
    const existed = table.claim(keyOf(address, length), 0, 0, 0)
    table.page[table.at + 1] = value
    if (existed) return
    if (length === 32) setBit(this.#touched, address >>> 8)
    else if (length <= 16) this.#setLengthBit(address, length)
    else this.#addRange(address, length)
  }

  delete(address: number, length: number): void {
    const table = length === 32 ? this.#singles : this.#ranges
    if (!table.find(keyOf(address, length), 0, 0, 0)) return
    table.removeAtRest()
    if (length <= 16) this.#clearLengthBit(address, length)
    else if (length < 32) this.#removeRange(address, length)
    else if (!hasBit(this.#ranged, address >>> 8)) this.#clearUnlessSingle(address >>> 8)
  }

  *blocks(): Generator<Int32Array> {
    yield this.#touched
    yield this.#ranged
    yield this.#lengths
    for (const table of this.#tables()) yield* table.blocks()
  }

  async restore(take: TakeBlock): Promise<void> {
    this.#touched.set(await take())
    this.#ranged.set(await take())
    this.#lengths.set(await take())
    for (const table of this.#tables()) await table.restore(take)
  }

  #tables(): readonly PagedTable[] {
    return [this.#singles, this.#ranges, this.#rangeCounts]
  }

  /** After the last prefix or a single address of a /24 has gone: is anything left? */
  #clearUnlessSingle(block: number): void {
    if (!this.#hasSingleIn(block << 8)) clearBit(this.#touched, block)
  }

  /** Notes a new prefix of /17 to /31. */
  #addRange(address: number, length: number): void {
    if (this.#addToCount(keyOfLength(address, length), 1) === 1) this.#setLengthBit(address, length)
    if (length > 24) this.#addToCount(keyOfBlock24(address), 1)
    const first = address >>> 8
    for (let block = first; block < first + blocksOf24(length); block++) {
      setBit(this.#touched, block)
      setBit(this.#ranged, block)
    }
  }

  #removeRange(address: number, length: number): void {
    if (this.#addToCount(keyOfLength(address, length), -1) === 0) this.#clearLengthBit(address, length)
    if (length > 24) this.#addToCount(keyOfBlock24(address), -1)
    const first = address >>> 8
    for (let block = first; block < first + blocksOf24(length); block++) {
      if (this.#isTouchedByRange(block << 8)) continue
      clearBit(this.#ranged, block)
      this.#clearUnlessSingle(block)
    }
  }

  #isTouchedByRange(block: number): boolean {
    const lengths = this.#lengths[block >>> 16] & LENGTHS_17_TO_24
    return this.#rangeCounts.findWord(keyOfBlock24(block)) || this.#hasRangeAround(block, lengths)
  }

  #hasRangeAround(address: number, lengths: number): boolean {
    for (let rest = lengths; rest !== 0; rest &= rest - 1) {
      if (this.#ranges.find(rangeKey(address, 31 - Math.clz32(rest & -rest)), 0, 0, 0)) return true
    }
    return false
  }

  #hasSingleIn(address: number): boolean {
    for (let group = 0; group < 256; group += 1 << GROUP_BITS) {
      if (this.#singles.hasInGroup(address | group, ~255, address)) return true
    }
    return false
  }

  #setLengthBit(address: number, length: number): void {
    const first = address >>> 16
    const last = first + blocksOf16(length)
    for (let block = first; block < last; block++) this.#lengths[block] |= 1 << length
  }

  #clearLengthBit(address: number, length: number): void {
    const first = address >>> 16
    const last = first + blocksOf16(length)
    for (let block = first; block < last; block++) this.#lengths[block] &= ~(1 << length)
  }

  #addToCount(key: number, change: 1 | -1): number {
    const counts = this.#rangeCounts
    counts.claim(key, 0, 0, 0)
    const count = counts.page[counts.at + 1] + change
    counts.page[counts.at + 1] = count
    if (count === 0) counts.removeAtRest()
    return count
  }
}

/** Keys of `rangeCounts`: a length in a /16, below 2^21; a /24, negative. */
function keyOfLength(address: number, length: number): number {
  return ((address >>> 16) << 5) | length
}

function keyOfBlock24(address: number): number {
  return (address >>> 8) | (1 << 31)
}

function hasBit(bits: Int32Array, at: number): boolean {
  return ((bits[at >>> 5] >>> (at & 31)) & 1) === 1
}

function setBit(bits: Int32Array, at: number): void {
  bits[at >>> 5] |= 1 << (at & 31)
}

function clearBit(bits: Int32Array, at: number): void {
  bits[at >>> 5] &= ~(1 << (at & 31))
}

function keyOf(address: number, length: number): number {
  return length === 32 ? address : rangeKey(address, length)
}

/** The prefix's own bits, then a 1, then zeros: one word that differs for every prefix of every length below 32. */
function rangeKey(address: number, length: number): number {
  const sentinel = 1 << (31 - length)
  return (address & ~(sentinel | (sentinel - 1))) | sentinel
}

function blocksOf24(length: number): number {
  return length >= 24 ? 1 : 1 << (24 - length)
}

function blocksOf16(length: number): number {
  return length >= 16 ? 1 : 1 << (16 - length)
}
