/** Seeded randomness: the same seed gives the same decisions and queries on every machine. */

/** xoshiro128**, seeded by splitmix32. */
export class Random {
  #a
  #b
  #c
  #d

  constructor(seed) {
    let state = seed | 0
    const next = () => {
      state = (state + 0x9e3779b9) | 0
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      return mixed ^ (mixed >>> 15)
    }
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#d = next()
  }

  /** A signed 32-bit integer. */
  word() {
    const product = Math.imul(this.#b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const shifted = this.#b << 9
    this.#c ^= this.#a
    this.#d ^= this.#b
    this.#b ^= this.#c
    this.#a ^= this.#d
    this.#c ^= shifted
    this.#d = (this.#d << 11) | (this.#d >>> 21)
    return result
  }

  /** An integer from 0 to `end` - 1. */
  below(end) {
    return Math.floor(((this.word() >>> 0) / 0x1_0000_0000) * end)
  }

  chance(probability) {
    return (this.word() >>> 0) / 0x1_0000_0000 < probability
  }

  /** One key of `weights`, each as likely as its weight says. */
  pick(weights) {
    let rest = ((this.word() >>> 0) / 0x1_0000_0000) * weights.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of weights) {
      rest -= weight
      if (rest < 0) return key
    }
    return weights[0][0]
  }
}
