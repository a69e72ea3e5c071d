/** Strings that many decisions share, each kept once under a small integer, and let go when nothing refers to it any more. */

import type { Saved, TakeBlock } from '../net/prefix-table/blocks.js'
import { decodeTexts, encodeTexts } from './text-block.js'

export class StringPool implements Saved {
  readonly #ids = new Map<string, number>()
  readonly #texts: string[] = []
  readonly #references: number[] = []
  readonly #free: number[] = []
  readonly #limit: number

  /** `limit`: how many different strings at most. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** How many different strings are held. */
  get size(): number {
    return this.#ids.size
  }

  /** The id of a string, with one more reference to it; -1 if it is new and the pool is full. */
  acquire(text: string): number {
    const known = this.#ids.get(text)
    if (known !== undefined) {
      this.#references[known]++
      return known
    }
    if (this.#ids.size >= this.#limit) return -1
    const id = this.#free.pop() ?? this.#texts.length
    this.#ids.set(text, id)
    this.#texts[id] = text
    this.#references[id] = 1
    return id
  }

  /** Takes one reference back; with the last one the string is gone and its id free. */
  release(id: number): void {
    if (--this.#references[id] > 0) return
    this.#ids.delete(this.#texts[id])
    this.#texts[id] = ''
    this.#free.push(id)
  }

  /** The id of a string that is held, else -1. */
  find(text: string): number {
    return this.#ids.get(text) ?? -1
  }

  *blocks(): Generator<Int32Array> {
    yield Int32Array.from(this.#references)
    yield encodeTexts(this.#texts)
  }

  async restore(take: TakeBlock): Promise<void> {
    for (const references of await take()) this.#references.push(references)
    for (const text of decodeTexts(await take())) this.#texts.push(text)
    for (const [id, text] of this.#texts.entries()) {
      if (this.#references[id] > 0) this.#ids.set(text, id)
      else this.#free.push(id)
    }
  }

  textOf(id: number): string {
    return this.#texts[id]
  }
}
