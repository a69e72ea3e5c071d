/** A JSON string or number that may come in pieces: validated whole, and kept as far as it counts. */

import { JsonSkipper } from './json-skipper.js'
import { decodeJsonString, jsonBytesFor } from './json-string.js'

export class CarriedToken {
  readonly #skipper = new JsonSkipper()
  readonly #units: number
  readonly #most: number
  #bytes: Buffer | undefined
  #length = 0

  /** `units`: how many UTF-16 units of a string count. */
  constructor(units: number) {
    this.#units = units
    // A quote, as many bytes as count, and one that tells that there were more.
    this.#most = 1 + jsonBytesFor(units + 1) + 1
  }

  /** True once it is complete. The end of a number is only known by the byte after it, which stays unread. */
  get done(): boolean {
    return this.#skipper.done
  }

  /** What is kept: a string with its opening quote, or a number. */
  get bytes(): Buffer {
    this.#bytes ??= Buffer.allocUnsafe(this.#most)
    return this.#bytes
  }

  /** Where in `bytes` a string ends, before its closing quote. */
  get stringEnd(): number {
    return Math.min(this.#length - 1, this.#most)
  }

  begin(): void {
    this.#skipper.begin()
    this.#length = 0
  }

  /** Reads from `at`; returns the index of the first byte that it did not take. Throws JsonMismatch. */
  feed(bytes: Buffer, at: number, end: number): number {
    const next = this.#skipper.feed(bytes, at, end)
    // copy() stops at the end of its target: the rest is validated, but not kept.
    if (this.#length < this.#most) bytes.copy(this.bytes, this.#length, at, next)
    this.#length += next - at
    return next
  }

  /** The text of a string, cut to what counts. */
  text(): string {
    return decodeJsonString(this.bytes, 1, this.stringEnd, this.#units)
  }

  /** A number as it is written, cut to what is kept. */
  digits(): string {
    return this.bytes.toString('latin1', 0, Math.min(this.#length, this.#most))
  }
}
