/**
 * IPv6 prefixes, each with a value. Two summaries say where it is worth looking, so that a miss mostly ends at the first:
 *
 *   wide       which lengths 0 to 31 exist at all, counted                      (nobody lists many of these)
 *   regions    hash by /32: bit i = length 32 + i exists inside; how many prefixes of /64 and longer
 *   networks   hash by /64: bits for lengths 64 to 127; how many single addresses
 *   prefixes   hash: prefix and length in four words -> value                   lengths 0 to 127
 *   singles    hash: address -> value
 *
 * A hit costs two summary probes and one probe for each length that its region and its network are known to have.
 * Invariant: a clear bit never lies. A set bit may be stale after deletions (it costs a probe, never an answer) and is gone
 * when its region or network has nothing left.
 */

import type { AddressWords } from '../address.js'
import type { Saved, TakeBlock } from './blocks.js'
import type { PageAllocator } from './page-allocator.js'
import { PagedTable } from './paged-table.js'

// Words of a slot of `regions`.
const REGION_LENGTHS = 1
const REGION_LONGER = 2
const REGION_TOTAL = 3
// Words of a slot of `networks`.
const NETWORK_LENGTHS_LOW = 2
const NETWORK_LENGTHS_HIGH = 3
const NETWORK_SINGLES = 4
const NETWORK_TOTAL = 5
// The value's word in a slot of `prefixes` and `singles`.
const VALUE = 4

export class Ipv6Table implements Saved {
  readonly #wideCounts = new Int32Array(32)
  #wideLengths = 0
  readonly #regions: PagedTable
  readonly #networks: PagedTable
  readonly #prefixes: PagedTable
  readonly #singles: PagedTable
  /** The key that `#encode` made last. */
  readonly #key = new Int32Array(4)

  constructor(allocator: PageAllocator, seed: number) {
    this.#regions = new PagedTable(allocator, { keyWords: 1, stride: 4, seed })
    this.#networks = new PagedTable(allocator, { keyWords: 2, stride: 6, seed })
    this.#prefixes = new PagedTable(allocator, { keyWords: 4, stride: 5, seed })
    this.#singles = new PagedTable(allocator, { keyWords: 4, stride: 5, seed })
  }

  /** Writes the values of all prefixes that cover the address to `values`, the longest prefix first; returns how many. */
  match(address: AddressWords, values: Int32Array): number {
    const regions = this.#regions
    if (!regions.findWord(address[0])) return this.#wideLengths === 0 ? 0 : this.#matchWide(address, values, 0)
    const lengths = regions.page[regions.at + REGION_LENGTHS]
    let count = regions.page[regions.at + REGION_LONGER] === 0 ? 0 : this.#matchNetwork(address, values)
    count = this.#matchLengths(address, lengths, 32, values, count)
    return this.#wideLengths === 0 ? count : this.#matchWide(address, values, count)
  }

  #matchNetwork(address: AddressWords, values: Int32Array): number {
    const networks = this.#networks
    if (!networks.find(address[0], address[1], 0, 0)) return 0
    const { page, at } = networks
    const low = page[at + NETWORK_LENGTHS_LOW]
    const high = page[at + NETWORK_LENGTHS_HIGH]
    let count = 0
    if (page[at + NETWORK_SINGLES] !== 0 && this.#singles.find(address[0], address[1], address[2], address[3])) {
      values[count++] = this.#singles.page[this.#singles.at + VALUE]
    }
    count = this.#matchLengths(address, high, 96, values, count)
    return this.#matchLengths(address, low, 64, values, count)
  }

  /** Probes the lengths `from + i` for every bit i, the longest first. */
  #matchLengths(address: AddressWords, lengths: number, from: number, values: Int32Array, found: number): number {
    let count = found
    let rest = lengths
    while (rest !== 0) {
      const bit = 31 - Math.clz32(rest)
      rest &= ~(1 << bit)
      const value = this.#getPrefix(address, from + bit)
      if (value !== 0) values[count++] = value
    }
    return count
  }

  #matchWide(address: AddressWords, values: Int32Array, found: number): number {
    return this.#matchLengths(address, this.#wideLengths, 0, values, found)
  }

  /** The value of exactly this prefix, or 0. */
  get(address: AddressWords, length: number): number {
    if (length < 128) return this.#getPrefix(address, length)
    const singles = this.#singles
    return singles.find(address[0], address[1], address[2], address[3]) ? singles.page[singles.at + VALUE] : 0
  }

  #getPrefix(address: AddressWords, length: number): number {
    const key = this.#encode(address, length)
    const prefixes = this.#prefixes
    return prefixes.find(key[0], key[1], key[2], key[3]) ? prefixes.page[prefixes.at + VALUE] : 0
  }

  /** Sets the value (not 0) of a prefix whose host bits are 0. */
  set(address: AddressWords, length: number, value: number): void {
    const table = length === 128 ? this.#singles : this.#prefixes
    const key = length === 128 ? address : this.#encode(address, length)
    const existed = table.claim(key[0], key[1], key[2], key[3])
    table.page[table.at + VALUE] = value
    if (!existed) this.#summarise(address, length, 1)
  }

  delete(address: AddressWords, length: number): void {
    const table = length === 128 ? this.#singles : this.#prefixes
    const key = length === 128 ? address : this.#encode(address, length)
    if (!table.find(key[0], key[1], key[2], key[3])) return
    table.removeAtRest()
    this.#summarise(address, length, -1)
  }

  *blocks(): Generator<Int32Array> {
    yield this.#wideCounts
    for (const table of this.#tables()) yield* table.blocks()
  }

  async restore(take: TakeBlock): Promise<void> {
    this.#wideCounts.set(await take())
    this.#wideLengths = this.#wideCounts.reduce((bits, count, length) => (count === 0 ? bits : bits | (1 << length)), 0)
    for (const table of this.#tables()) await table.restore(take)
  }

  #tables(): readonly PagedTable[] {
    return [this.#regions, this.#networks, this.#prefixes, this.#singles]
  }

  #summarise(address: AddressWords, length: number, change: 1 | -1): void {
    if (length < 32) this.#countWide(length, change)
    else {
      this.#countRegion(address, length, change)
      if (length >= 64) this.#countNetwork(address, length, change)
    }
  }

  #countWide(length: number, change: 1 | -1): void {
    this.#wideCounts[length] += change
    if (this.#wideCounts[length] === 0) this.#wideLengths &= ~(1 << length)
    else this.#wideLengths |= 1 << length
  }

  #countRegion(address: AddressWords, length: number, change: 1 | -1): void {
    const regions = this.#regions
    regions.claim(address[0], 0, 0, 0)
    const { page, at } = regions
    page[at + REGION_TOTAL] += change
    if (page[at + REGION_TOTAL] === 0) {
      regions.removeAtRest()
      return
    }
    if (length >= 64) page[at + REGION_LONGER] += change
    else page[at + REGION_LENGTHS] |= 1 << (length - 32)
  }

  #countNetwork(address: AddressWords, length: number, change: 1 | -1): void {
    const networks = this.#networks
    networks.claim(address[0], address[1], 0, 0)
    const { page, at } = networks
    page[at + NETWORK_TOTAL] += change
    if (page[at + NETWORK_TOTAL] === 0) {
      networks.removeAtRest()
      return
    }
    if (length === 128) page[at + NETWORK_SINGLES] += change
    else if (length >= 96) page[at + NETWORK_LENGTHS_HIGH] |= 1 << (length - 96)
    else page[at + NETWORK_LENGTHS_LOW] |= 1 << (length - 64)
  }

  /** The prefix's own bits, then a 1, then zeros: four words that differ for every prefix of every length below 128. */
  #encode(address: AddressWords, length: number): Int32Array {
    const key = this.#key
    const at = length >>> 5
    const sentinel = 1 << (31 - (length & 31))
    key[0] = address[0]
    key[1] = address[1]
    key[2] = address[2]
    key[3] = address[3]
    key[at] = (address[at] & ~(sentinel | (sentinel - 1))) | sentinel
    for (let word = at + 1; word < 4; word++) key[word] = 0
    return key
  }
}
