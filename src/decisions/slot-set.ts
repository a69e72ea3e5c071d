/** A set of slot numbers, one bit each. */
export class SlotSet {
  #bits = new Uint32Array(64)

  add(slot: number): void {
    const word = slot >>> 5
    if (word >= this.#bits.length) {
      const grown = new Uint32Array(2 * word)
      grown.set(this.#bits)
      this.#bits = grown
    }
    this.#bits[word] |= 1 << (slot & 31)
  }

  has(slot: number): boolean {
    const word = slot >>> 5
    return word < this.#bits.length && ((this.#bits[word] >>> (slot & 31)) & 1) === 1
  }
}
