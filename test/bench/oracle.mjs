/** The right answer by the plainest exact means: one Map for each prefix length, keyed by the prefix as an integer. */
export class Oracle {
  #ipv4 = new Map()
  #ipv6 = new Map()

  constructor(decisions) {
    for (let i = 0; i < decisions.count; i++) {
      const maps = decisions.family[i] === 4 ? this.#ipv4 : this.#ipv6
      const length = decisions.length[i]
      const key = keyOf(decisions.family[i], decisions.wordsOf(i), length)
      let map = maps.get(length)
      if (map === undefined) {
        map = new Map()
        maps.set(length, map)
      }
      map.set(key, Math.min(map.get(key) ?? 255, decisions.action[i]))
    }
  }

  /** The index in ACTIONS of the most severe decision that covers the address; 0 if none does. */
  answer(family, words) {
    let best = 255
    for (const [length, map] of family === 4 ? this.#ipv4 : this.#ipv6) {
      const action = map.get(keyOf(family, words, length))
      if (action !== undefined && action < best) best = action
    }
    return best === 255 ? 0 : best
  }
}

function keyOf(family, words, length) {
  if (family === 4) return length === 0 ? 0 : (words[0] >>> 0) >>> (32 - length)
  const whole = words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n)
  return whole >> BigInt(128 - length)
}
