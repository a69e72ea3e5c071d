/**
 * An index from prefixes to positive integers, in typed-array pages off the JS heap. It finds every prefix that covers an
 * address, not just the longest, without allocating. See `docs/lookup.md` for a picture.
 */

import type { AddressWords, Family } from '../address.js'
import type { Prefix } from '../prefix.js'
import type { Saved, TakeBlock } from './blocks.js'
import { Ipv4Table } from './ipv4-table.js'
import { Ipv6Table } from './ipv6-table.js'
import { PageAllocator } from './page-allocator.js'

/** No address is covered by more prefixes than this: one for each IPv6 length. */
export const MOST_MATCHES = 129

export class PrefixTable implements Saved {
  readonly #ipv4: Ipv4Table
  readonly #ipv6: Ipv6Table

  /** `seed` scatters the hashes; a test may fix it. */
  constructor(allocator = new PageAllocator(), seed = (Math.random() * 0x1_0000_0000) | 0) {
    this.#ipv4 = new Ipv4Table(allocator, seed)
    this.#ipv6 = new Ipv6Table(allocator, seed)
  }

  /**
   * Writes the values of all prefixes that cover the address into `values` (room for `MOST_MATCHES`), the longest prefix
   * first, and returns how many there are.
   */
  match(family: Family, address: AddressWords, values: Int32Array): number {
    if (family === 4) return this.#ipv4.match(address[0], values)
    return family === 6 ? this.#ipv6.match(address, values) : 0
  }

  /** The value of exactly this prefix, or 0. */
  get(prefix: Prefix): number {
    if (prefix.family === 4) return this.#ipv4.get(prefix.words[0], prefix.length)
    return this.#ipv6.get(prefix.words, prefix.length)
  }

  /** Sets the value of a prefix: an integer from 1 to 2^31 - 1. */
  set(prefix: Prefix, value: number): void {
    if (prefix.family === 4) this.#ipv4.set(prefix.words[0], prefix.length, value)
    else this.#ipv6.set(prefix.words, prefix.length, value)
  }

  /** Removes a prefix; nothing happens if it is not there. */
  delete(prefix: Prefix): void {
    if (prefix.family === 4) this.#ipv4.delete(prefix.words[0], prefix.length)
    else this.#ipv6.delete(prefix.words, prefix.length)
  }

  *blocks(): Generator<Int32Array> {
    yield* this.#ipv4.blocks()
    yield* this.#ipv6.blocks()
  }

  async restore(take: TakeBlock): Promise<void> {
    await this.#ipv4.restore(take)
    await this.#ipv6.restore(take)
  }
}

/** Room for the values of one `match`. */
export function createMatches(): Int32Array {
  return new Int32Array(MOST_MATCHES)
}
