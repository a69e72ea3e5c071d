/**
 * A hash table of small integer records in pages ("extendible hashing" with linear probing inside a page).
 *
 *   hash bits:  [ directory index ............ home slot in the page ]
 *   directory:  2^depth references to pages; several may name one page
 *   page:       [ local depth, entries used, slot 0, slot 1, ... ]      a slot is `stride` words: the key first
 *
 * Cost: a lookup reads the directory (small, cached) and, nearly always, one cache line of one page. Growth splits one full
 * page in two, so an insert never moves more than one page of entries (tens of microseconds). Deletion shifts the entries
 * behind it back, so no tombstones exist.
 * Invariants: a slot is free exactly if its last word is 0, so whoever claims a slot must at once write a non-zero last
 * word. Every page has free slots. Keys are compared as signed 32-bit words.
 */

import { BouncerError } from '../../errors.js'
import type { Saved, TakeBlock } from './blocks.js'
import { mixIn, spread } from './murmur-hash.js'
import type { PageAllocator } from './page-allocator.js'

const SLOTS_PER_PAGE = 4096
const SLOT_MASK = SLOTS_PER_PAGE - 1
/** Linear probing stays short up to here, and splitting all pages at once, as happens with evenly spread keys, stays rare. */
const MOST_USED = Math.floor(SLOTS_PER_PAGE * 0.86)
/** More directory bits than any table that fits in memory needs; reached only if the hash were broken. */
const MOST_DEPTH = 20

const LOCAL_DEPTH = 0
const USED = 1
const HEADER = 2

export interface PagedTableOptions {
  /** How many words make the key: 1, 2 or 4. */
  readonly keyWords: 1 | 2 | 4
  /** Words in a slot: the key, then the values, of which the last is never 0 in a slot in use. */
  readonly stride: number
  /** Keys that differ only in so many low bits of their (single) word share a home slot, so that they are cheap to visit together. */
  readonly groupBits?: number
  /** Unguessable, else an attacker could choose addresses whose slots collide. */
  readonly seed: number
}

export class PagedTable implements Saved {
  /** Where `find` or `claim` came to rest: the page, and the index of the slot's first word in it. */
  page: Int32Array
  at = HEADER
  /** Entries held. */
  size = 0

  readonly #allocator: PageAllocator
  readonly #keyWords: number
  readonly #stride: number
  readonly #groupBits: number
  #seed: number
  readonly #end: number
  #directory: Int32Array[]
  #directoryShift = 31

  constructor(allocator: PageAllocator, options: PagedTableOptions) {
    this.#allocator = allocator
    this.#keyWords = options.keyWords
    this.#stride = options.stride
    this.#groupBits = options.groupBits ?? 0
    this.#seed = options.seed | 0
    this.#end = HEADER + SLOTS_PER_PAGE * options.stride
    this.page = this.#createPage(0)
    this.#directory = [this.page, this.page]
  }

  /** Rests at the key's slot and returns true, or returns false. Words of the key beyond `keyWords` are ignored. */
  find(k0: number, k1: number, k2: number, k3: number): boolean {
    const stride = this.#stride
    const last = stride - 1
    const keyWords = this.#keyWords
    const hash = this.#hash(k0, k1, k2, k3)
    const page = this.#directory[hash >>> this.#directoryShift]
    let at = HEADER + (hash & SLOT_MASK) * stride
    while (page[at + last] !== 0) {
      if (
        page[at] === k0 &&
        (keyWords === 1 || (page[at + 1] === k1 && (keyWords === 2 || (page[at + 2] === k2 && page[at + 3] === k3))))
      ) {
        this.page = page
        this.at = at
        return true
      }
      at += stride
      if (at === this.#end) at = HEADER
    }
    return false
  }

  /** `find` for keys of one word, which is most of what a check does. */
  findWord(key: number): boolean {
    const stride = this.#stride
    const last = stride - 1
    const hash = spread(this.#seed ^ (key >>> this.#groupBits))
    const page = this.#directory[hash >>> this.#directoryShift]
    let at = HEADER + (hash & SLOT_MASK) * stride
    while (page[at + last] !== 0) {
      if (page[at] === key) {
        this.page = page
        this.at = at
        return true
      }
      at += stride
      if (at === this.#end) at = HEADER
    }
    return false
  }

  /** Like `find`, but where the key is absent it writes the key in a free slot, the other words 0, and returns false. */
  claim(k0: number, k1: number, k2: number, k3: number): boolean {
    if (this.find(k0, k1, k2, k3)) return true
    const hash = this.#hash(k0, k1, k2, k3)
    while (this.#directory[hash >>> this.#directoryShift][USED] >= MOST_USED) this.#split(hash)
    const page = this.#directory[hash >>> this.#directoryShift]
    const at = this.#freeSlot(page, hash)
    page[at] = k0
    if (this.#keyWords > 1) page[at + 1] = k1
    if (this.#keyWords > 2) {
      page[at + 2] = k2
      page[at + 3] = k3
    }
    page[USED]++
    this.size++
    this.page = page
    this.at = at
    return false
  }

  /** Removes the entry at rest (after a `find` that returned true) and closes the gap. */
  removeAtRest(): void {
    const page = this.page
    const stride = this.#stride
    let hole = this.at
    for (let at = this.#next(hole); page[at + stride - 1] !== 0; at = this.#next(at)) {
      const home = HEADER + (this.#hashAt(page, at) & SLOT_MASK) * stride
      // An entry may move back into the hole unless its home lies behind the hole (cyclically), up to where it is.
      const homeIsBehindHole = hole < at ? home > hole && home <= at : home > hole || home <= at
      if (homeIsBehindHole) continue
      page.copyWithin(hole, at, at + stride)
      hole = at
    }
    page.fill(0, hole, hole + stride)
    page[USED]--
    this.size--
  }

  /** Whether any entry shares the home slot of this one-word key and has the given bits under `mask`. */
  hasInGroup(key: number, mask: number, bits: number): boolean {
    const stride = this.#stride
    const hash = this.#hash(key, 0, 0, 0)
    const page = this.#directory[hash >>> this.#directoryShift]
    let at = HEADER + (hash & SLOT_MASK) * stride
    while (page[at + stride - 1] !== 0) {
      if ((page[at] & mask) === bits) return true
      at = this.#next(at)
    }
    return false
  }

  /** The seed, the size and the directory (as numbers of pages), then the pages. */
  *blocks(): Generator<Int32Array> {
    const pages = [...new Set(this.#directory)]
    const numbers = new Map(pages.map((page, number) => [page, number]))
    const directory = this.#directory.map((page) => numbers.get(page) ?? 0)
    yield Int32Array.of(this.#seed, this.size, pages.length, ...directory)
    yield* pages
  }

  async restore(take: TakeBlock): Promise<void> {
    const [seed, size, pageCount, ...directory] = await take()
    for (const page of new Set(this.#directory)) this.#allocator.release(page)
    const pages: Int32Array[] = []
    while (pages.length < pageCount) pages.push(this.#allocator.adopt(await take()))
    this.#seed = seed
    this.size = size
    this.#directory = directory.map((number) => pages[number])
    this.#directoryShift = 32 - Math.log2(directory.length)
  }

  #next(at: number): number {
    const next = at + this.#stride
    return next === this.#end ? HEADER : next
  }

  #freeSlot(page: Int32Array, hash: number): number {
    let at = HEADER + (hash & SLOT_MASK) * this.#stride
    while (page[at + this.#stride - 1] !== 0) at = this.#next(at)
    return at
  }

  #createPage(localDepth: number): Int32Array {
    const page = this.#allocator.allocate(HEADER + SLOTS_PER_PAGE * this.#stride)
    page[LOCAL_DEPTH] = localDepth
    return page
  }

  /** Replaces the page that holds `hash` by two, told apart by the next bit of the hash. */
  #split(hash: number): void {
    const full = this.#directory[hash >>> this.#directoryShift]
    const localDepth = full[LOCAL_DEPTH]
    if (localDepth === 32 - this.#directoryShift) this.#doubleDirectory()
    const low = this.#createPage(localDepth + 1)
    const high = this.#createPage(localDepth + 1)
    const stride = this.#stride
    for (let at = HEADER; at < this.#end; at += stride) {
      if (full[at + stride - 1] === 0) continue
      const entryHash = this.#hashAt(full, at)
      const page = ((entryHash >>> (31 - localDepth)) & 1) === 0 ? low : high
      const slot = this.#freeSlot(page, entryHash)
      for (let word = 0; word < stride; word++) page[slot + word] = full[at + word]
      page[USED]++
    }
    const references = 1 << (32 - this.#directoryShift - localDepth)
    const first = localDepth === 0 ? 0 : (hash >>> (32 - localDepth)) * references
    this.#directory.fill(low, first, first + references / 2)
    this.#directory.fill(high, first + references / 2, first + references)
    this.#allocator.release(full)
  }

  #doubleDirectory(): void {
    if (this.#directoryShift === 32 - MOST_DEPTH) {
      throw new BouncerError('ERR_CSB_LIMIT', 'The prefix table cannot grow further')
    }
    this.#directory = this.#directory.flatMap((page) => [page, page])
    this.#directoryShift--
  }

  #hashAt(page: Int32Array, at: number): number {
    return this.#hash(page[at], page[at + 1], page[at + 2], page[at + 3])
  }

  #hash(k0: number, k1: number, k2: number, k3: number): number {
    let hash = this.#seed ^ (k0 >>> this.#groupBits)
    if (this.#keyWords !== 1) {
      hash = mixIn(hash, k1)
      if (this.#keyWords === 4) hash = mixIn(mixIn(hash, k2), k3)
    }
    return spread(hash)
  }
}
