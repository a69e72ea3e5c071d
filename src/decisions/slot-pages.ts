/**
 * Fixed-size records of 32-bit words in pages off the JS heap, named by a slot number from 1 on (0 is nobody). Freed slots
 * are reused first; word 0 of a free slot links to the next free one. Growing adds a page and moves nothing.
 */

import type { Saved, TakeBlock } from '../net/prefix-table/blocks.js'
import type { PageAllocator } from '../net/prefix-table/page-allocator.js'

const PAGE_BITS = 14
const SLOTS_PER_PAGE = 1 << PAGE_BITS
const SLOT_MASK = SLOTS_PER_PAGE - 1
/** A large typed array begins 16 bytes into a memory page; from word 12 on, no record of 32 bytes straddles a cache line. */
const FIRST_WORD = 12

export class SlotPages implements Saved {
  /** Slots ever used: every slot in use is below. */
  end = 1
  readonly #pages: Int32Array[] = []
  readonly #allocator: PageAllocator
  readonly #wordBits: number
  readonly #limit: number
  #firstFree = 0

  /** `words` of a record: a power of two. `limit`: how many records at most. */
  constructor(allocator: PageAllocator, words: 4 | 8, limit: number) {
    this.#allocator = allocator
    this.#wordBits = Math.log2(words)
    this.#limit = limit
  }

  /** A slot whose words are all 0, or 0 when the limit is reached. */
  allocate(): number {
    const reused = this.#firstFree
    if (reused !== 0) {
      this.#firstFree = this.get(reused, 0)
      this.set(reused, 0, 0)
      return reused
    }
    if (this.end > this.#limit) return 0
    const slot = this.end++
    if (slot >>> PAGE_BITS === this.#pages.length) {
      this.#pages.push(this.#allocator.allocate(FIRST_WORD + (SLOTS_PER_PAGE << this.#wordBits)))
    }
    return slot
  }

  free(slot: number): void {
    const at = this.offsetOf(slot)
    const page = this.pageOf(slot)
    page.fill(0, at, at + (1 << this.#wordBits))
    page[at] = this.#firstFree
    this.#firstFree = slot
  }

  *blocks(): Generator<Int32Array> {
    yield Int32Array.of(this.end, this.#firstFree, this.#pages.length)
    yield* this.#pages
  }

  async restore(take: TakeBlock): Promise<void> {
    const [end, firstFree, pageCount] = await take()
    while (this.#pages.length < pageCount) this.#pages.push(this.#allocator.adopt(await take()))
    this.end = end
    this.#firstFree = firstFree
  }

  /** The page that holds a record, for who reads several words of it. */
  pageOf(slot: number): Int32Array {
    return this.#pages[slot >>> PAGE_BITS]
  }

  /** Where in its page a record begins. */
  offsetOf(slot: number): number {
    return FIRST_WORD + ((slot & SLOT_MASK) << this.#wordBits)
  }

  get(slot: number, word: number): number {
    return this.pageOf(slot)[this.offsetOf(slot) + word]
  }

  set(slot: number, word: number, value: number): void {
    this.pageOf(slot)[this.offsetOf(slot) + word] = value
  }
}
