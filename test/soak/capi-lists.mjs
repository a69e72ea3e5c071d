/**
 * What CAPI says, version by version, and what of it is in force. Between the moment in which CAPI changes and the first sync after
 * a part of the change was served whole, the old and the new are both right.
 */

import { HeldDecisions } from './held-decisions.mjs'
import { isSingle, randomTarget } from './targets.mjs'

/** The few that come and go, so that CAPI's account of what was deleted does not grow with the run. */
const POOL = 400
/** How many of them change in one version. */
const CHANGES = 40
const PARTS = ['community', 'blocklist', 'allowlist']
const DEADLINE = 30_000

export class CapiLists {
  blocking = new HeldDecisions()
  allowing = new HeldDecisions()
  version = 0
  #random
  #pools = {}
  /** On the community's list. Who falls off it stays in force. */
  #listed = new Set()
  /** What is done to `blocking` and `allowing` when a part is in force. */
  #settling = new Map()
  #served = new Set()
  #changedAt = 0

  constructor(random) {
    this.#random = random
    this.#pools.community = differentTargets(random).map((target, i) => ({
      identity: `CAPI ${target.value}`,
      origin: 'CAPI',
      type: 'ban',
      scenario: `crowdsecurity/s${i % 5}`,
      scope: isSingle(target) ? 'ip' : 'range',
      target,
    }))
    this.#pools.blocklist = differentTargets(random)
    this.#pools.allowlist = differentTargets(random).map((target) => {
      return { identity: `allow ${target.value}`, type: 'allow', target }
    })
  }

  get isSettled() {
    return this.#settling.size === 0
  }

  isOverdue(now) {
    return !this.isSettled && now - this.#changedAt > DEADLINE
  }

  /** Some target of which CAPI says something now and then. */
  randomTarget() {
    const pool = this.#pools[PARTS[this.#random.below(PARTS.length)]]
    const one = pool[this.#random.below(pool.length)]
    return one.target ?? one
  }

  /** The next version, in the words of FakeCapi. Only where the last one is settled. */
  next(now) {
    this.version++
    this.#changedAt = now
    this.#served.clear()
    const deleted = this.#changeCommunity()
    const blocklist = this.#changeBlocklist()
    const allowlist = this.#changeAllowlist()
    const community = [...this.#listed].map(({ target, scope, scenario }) => ({ value: target.value, scope, scenario }))
    return { version: this.version, community, deleted, blocklist, allowlist }
  }

  served(part, version) {
    if (version === this.version) this.#served.add(part)
  }

  /** The source has synced: what had been served by then is in force. */
  synced() {
    for (const part of this.#served) {
      this.#settling.get(part)?.()
      this.#settling.delete(part)
    }
    this.#served.clear()
  }

  #changeCommunity() {
    const gone = []
    const come = []
    for (const one of this.#some(this.#pools.community)) {
      if (!this.blocking.has(one)) come.push(one)
      else if (this.#random.below(2) === 0) gone.push(one)
      else this.#listed.delete(one)
    }
    for (const one of come) this.#listed.add(one)
    for (const one of gone) this.#listed.delete(one)
    this.#change('community', this.blocking, { gone, come })
    return gone.map(({ target, scope }) => ({ value: target.value, scope }))
  }

  /** Another remediation makes other decisions of the same values. */
  #changeBlocklist() {
    const remediation = this.#random.below(2) === 0 ? 'ban' : 'captcha'
    const values = this.#some(this.#pools.blocklist, POOL / 2)
    const list = values.map((target) => {
      const identity = `lists ${target.value} ${remediation}`
      return { identity, origin: 'lists', type: remediation, scenario: 'soak', target }
    })
    const wanted = new Set(list.map(({ identity }) => identity))
    const before = this.blocking.values().filter(({ origin }) => origin === 'lists')
    const gone = before.filter(({ identity }) => !wanted.has(identity))
    const come = list.filter((one) => !this.blocking.has(one))
    this.#change('blocklist', this.blocking, { gone, come })
    return { remediation, values: values.map(({ value }) => value) }
  }

  #changeAllowlist() {
    const changed = this.#some(this.#pools.allowlist)
    const gone = changed.filter((one) => this.allowing.has(one))
    const come = changed.filter((one) => !this.allowing.has(one))
    this.#change('allowlist', this.allowing, { gone, come })
    const entries = this.allowing.values().filter((one) => !gone.includes(one))
    return entries.map(({ target }) => target.value)
  }

  #change(part, held, { gone, come }) {
    for (const one of gone) held.doubt(one)
    for (const one of come) held.put(one, { isSure: false })
    this.#settling.set(part, () => {
      for (const one of gone) held.remove(one)
      for (const one of come) held.put(one)
    })
  }

  #some(pool, count = CHANGES) {
    return [...new Set(Array.from({ length: count }, () => pool[this.#random.below(pool.length)]))]
  }
}

function differentTargets(random) {
  const byValue = new Map()
  while (byValue.size < POOL) {
    const target = randomTarget(random)
    byValue.set(target.value, target)
  }
  return [...byValue.values()]
}
