/**
 * Which part of a chunk goes out next after a 403 that may be the doing of a firewall, which dislikes something in it. CAPI says 403
 * to an address that asks too often, too, so that halving is not enough: again and again something has to be taken in between.
 */

import type { CapiError } from '../../capi/capi-error.js'
import type { Signal } from '../../capi/signals/signal.js'

/** Refused requests in a row while nothing was ever taken. After as many it is no matter of what is in them. */
const MOST_AT_FIRST = 3

/** The same once something was taken: bad ones often stand side by side. */
const MOST_LATER = 9

/** Every so many requests that are refused in a row one is for a signal that may well be taken. */
const CHANCE = 3

export type Part = readonly Signal[]

export class FilterSearch {
  readonly #random: () => number
  /** Not asked for yet, the next one last. */
  #parts: Part[] = []
  /** It goes out again where its request ended without an answer that counts. */
  #current: Part | null = null
  /** In a row, over all chunks. */
  #inVain = 0
  #mostInVain = MOST_AT_FIRST
  #refusal: CapiError | null = null

  constructor(random: () => number) {
    this.#random = random
  }

  /** The last one; null before. */
  get refusal(): CapiError | null {
    return this.#refusal
  }

  /** Whether so much was refused in a row that nothing more is to be asked for. */
  get isGivenUp(): boolean {
    return this.#inVain >= this.#mostInVain
  }

  /** Whether parts of the chunk were never asked for. */
  get hasLeft(): boolean {
    return this.#parts.length > 0
  }

  /** Null where nothing is left, or it is given up. */
  next(): Part | null {
    this.#current ??= this.#choose()
    return this.#current
  }

  /** Something has reached CAPI, whatever it says of it. */
  passed(): void {
    this.#current = null
    this.#inVain = 0
    this.#mostInVain = MOST_LATER
  }

  /** A part, or the chunk that is to be searched. */
  refused(part: Part, refusal: CapiError): void {
    this.#current = null
    this.#inVain++
    this.#refusal = refusal
    if (part.length === 1) return
    const half = part.length >> 1
    this.#parts.push(part.slice(half), part.slice(0, half))
  }

  /** Another try begins: what came in between was no 403. */
  clear(): void {
    this.#parts = []
    this.#current = null
    this.#inVain = 0
  }

  #choose(): Part | null {
    if (this.isGivenUp || !this.hasLeft) return null
    return (this.#inVain + 1) % CHANCE === 0 ? this.#anyOne() : (this.#parts.pop() ?? null)
  }

  #anyOne(): Part | null {
    const count = this.#parts.reduce((sum, { length }) => sum + length, 0)
    let index = Math.min(count - 1, Math.floor(this.#random() * count))
    for (const [at, part] of this.#parts.entries()) {
      if (index < part.length) {
        this.#parts.splice(at, 1, ...[part.toSpliced(index, 1)].filter(({ length }) => length > 0))
        return [part[index]]
      }
      index -= part.length
    }
    return null
  }
}
