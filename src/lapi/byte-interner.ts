/**
 * One string object for each text that comes again and again, found by the bytes of its JSON string.
 * A cache of fixed size: a text costs one hash and one comparison, and allocates only when it was not there.
 */

import { decodeJsonString } from '../json/json-string.js'

const SLOTS = 512
const WINDOW = 4
/** Longer texts are decoded each time. The longest that LAPIs send by themselves are scenarios of about 80 bytes. */
const SLOT_BYTES = 128

export class ByteInterner {
  readonly #bytes = new Uint8Array(SLOTS * SLOT_BYTES)
  readonly #hashes = new Int32Array(SLOTS)
  readonly #lengths = new Uint8Array(SLOTS) // 0: free
  readonly #texts: string[] = new Array<string>(SLOTS).fill('')
  #nextVictim = 0

  /** `decodeJsonString` of the same arguments. */
  intern(bytes: Buffer, from: number, to: number, limit: number): string {
    const length = to - from
    if (length === 0) return ''
    if (length > SLOT_BYTES) return decodeJsonString(bytes, from, to, limit)
    let hash = length
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + bytes[at]) | 0
    // The low bits of such a hash are poor; the multiplication carries the others to the top.
    const home = (Math.imul(hash, 0x9e3779b1) >>> 23) & (SLOTS - 1)
    let slot = home
    for (let step = 0; step < WINDOW; step++) {
      slot = (home + step) & (SLOTS - 1)
      if (this.#lengths[slot] === 0) return this.#keep(slot, hash, bytes, from, to)
      if (this.#hashes[slot] === hash && this.#holds(slot, bytes, from, length)) return this.#texts[slot]
    }
    this.#nextVictim = (this.#nextVictim + 1) % WINDOW
    return this.#keep((home + this.#nextVictim) & (SLOTS - 1), hash, bytes, from, to)
  }

  #holds(slot: number, bytes: Buffer, from: number, length: number): boolean {
    if (this.#lengths[slot] !== length) return false
    const base = slot * SLOT_BYTES
    for (let at = 0; at < length; at++) if (this.#bytes[base + at] !== bytes[from + at]) return false
    return true
  }

  #keep(slot: number, hash: number, bytes: Buffer, from: number, to: number): string {
    const text = decodeJsonString(bytes, from, to, SLOT_BYTES)
    this.#bytes.set(bytes.subarray(from, to), slot * SLOT_BYTES)
    this.#hashes[slot] = hash
    this.#lengths[slot] = to - from
    this.#texts[slot] = text
    return text
  }
}
