/** The slow twin of a decision store: by identity, and for each length a map to what is on that network. Ranges are tried one by one. */

/** Milliseconds: the store counts time in tenths of a second. */
const BLUR = 200
const NEVER = { from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY }

export class HeldDecisions {
  #held = new Map()
  #byLength = new Map()
  #ranges = new Set()

  get size() {
    return this.#held.size
  }

  /** Those that are no networks. */
  get ranges() {
    return [...this.#ranges].map(({ decision }) => decision.target)
  }

  has({ identity }) {
    return this.#held.has(identity)
  }

  values() {
    return [...this.#held.values()].map(({ decision }) => decision)
  }

  /** `isSure`: false where it is not known whether it is in force. `end`: by the monotonic clock, between these two. */
  put(decision, { end = NEVER, isSure = true } = {}) {
    this.remove(decision)
    const one = { decision, end, isSure }
    this.#held.set(decision.identity, one)
    const { length } = decision.target
    if (length === null) this.#ranges.add(one)
    else this.#networksOf(length).add(keyOf(decision.target), one)
  }

  /** Whether it is in force is not known from now on. */
  doubt({ identity }) {
    this.#held.get(identity).isSure = false
  }

  remove({ identity }) {
    const one = this.#held.get(identity)
    if (one === undefined) return
    this.#held.delete(identity)
    const { target } = one.decision
    if (target.length === null) this.#ranges.delete(one)
    else this.#networksOf(target.length).remove(keyOf(target), one)
  }

  clear() {
    this.#held.clear()
    this.#byLength.clear()
    this.#ranges.clear()
  }

  /** Forgets what is over. */
  sweep(now) {
    for (const { decision, end } of this.#held.values()) if (end.to + BLUR < now) this.remove(decision)
  }

  /** What was on an address at some time: `sure` was in force, `possible` may have been, which the sure ones are too. */
  on(address, { from, to }) {
    const found = [...this.#ranges].filter(
      ({ decision: { target } }) => target.first <= address && address <= target.last,
    )
    for (const [length, networks] of this.#byLength) found.push(...networks.at(address >> BigInt(128 - length)))
    const possible = found.filter(({ end }) => end.to + BLUR > from)
    const sure = possible.filter(({ end, isSure }) => isSure && end.from - BLUR > to)
    return { sure: sure.map(({ decision }) => decision), possible: possible.map(({ decision }) => decision) }
  }

  #networksOf(length) {
    const networks = this.#byLength.get(length) ?? new Networks()
    this.#byLength.set(length, networks)
    return networks
  }
}

const NONE = new Set()

/** All of one length, by their leading bits. */
class Networks {
  #byBits = new Map()

  at(bits) {
    return this.#byBits.get(bits) ?? NONE
  }

  add(bits, one) {
    const same = this.#byBits.get(bits)
    if (same === undefined) this.#byBits.set(bits, new Set([one]))
    else same.add(one)
  }

  remove(bits, one) {
    const same = this.#byBits.get(bits)
    same.delete(one)
    if (same.size === 0) this.#byBits.delete(bits)
  }
}

function keyOf({ first, length }) {
  return first >> BigInt(128 - length)
}
