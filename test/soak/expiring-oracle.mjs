/** The right answers for decisions that come and go: a map by identity, and for each prefix length a map to who stands there. */

const SEVERITY = ['ban', 'captcha', 'throttle']

/** An answer is not asked for when a decision that matters ends or may just have ended: clocks are read one after the other. */
const BLUR = 300

export class ExpiringOracle {
  #held = new Map()
  #byLength = new Map()

  /** `address`: an unsigned 32-bit integer without host bits. */
  put({ address, length, type }, expires) {
    const prefixes = this.#prefixesOf(length)
    const types = prefixes.get(address) ?? new Map()
    types.set(type, expires)
    prefixes.set(address, types)
    this.#held.set(`${address}/${length} ${type}`, { address, length, type })
  }

  remove({ address, length, type }) {
    this.#held.delete(`${address}/${length} ${type}`)
    const prefixes = this.#prefixesOf(length)
    const types = prefixes.get(address)
    types?.delete(type)
    if (types?.size === 0) prefixes.delete(address)
  }

  clear() {
    this.#held.clear()
    this.#byLength.clear()
  }

  /** Forgets what is over, and returns what is left. */
  sweep(now) {
    for (const one of this.#held.values()) {
      const expires = this.#prefixesOf(one.length).get(one.address)?.get(one.type)
      if (expires === undefined || expires + BLUR < now) this.remove(one)
    }
    return this.#held
  }

  get size() {
    return this.#held.size
  }

  /** `allow` or the most severe type; null where a matching decision is about to end. */
  answer(address, now) {
    let best = SEVERITY.length
    for (const [length, prefixes] of this.#byLength) {
      const types = prefixes.get(keep(address, length))
      if (types === undefined) continue
      for (const [type, expires] of types) {
        if (Math.abs(expires - now) < BLUR) return null
        if (expires > now) best = Math.min(best, SEVERITY.indexOf(type))
      }
    }
    return SEVERITY[best] ?? 'allow'
  }

  #prefixesOf(length) {
    let prefixes = this.#byLength.get(length)
    if (prefixes === undefined) {
      prefixes = new Map()
      this.#byLength.set(length, prefixes)
    }
    return prefixes
  }
}

/** The leading bits of an address, as an unsigned integer. */
export function keep(address, length) {
  return length === 0 ? 0 : ((address >>> (32 - length)) << (32 - length)) >>> 0
}
