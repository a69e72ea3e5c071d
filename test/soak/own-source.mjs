/** A source of the user's own: decisions that come, are renewed, are deleted, end, and are now and then stated as a whole. */

import { HeldDecisions } from './held-decisions.mjs'
import { isSingle, randomTarget } from './targets.mjs'

const TYPES = ['ban', 'captcha', 'throttle']
const SCENARIOS = 50
/** They are tried one by one, which takes its time. */
const MOST_RANGES = 30

/** Those that CAPI knows us by. */
export const TOLD_SCENARIOS = ['soak/s0', 'soak/s1']

export class OwnSource {
  name = 'own'
  held = new HeldDecisions()
  counts = { added: 0, deleted: 0, resyncs: 0 }
  #random
  #sink

  constructor(random) {
    this.#random = random
  }

  start(sink) {
    this.#sink = sink
  }

  stop() {}

  async change() {
    this.held.sweep(performance.now())
    const fresh = Array.from({ length: this.#random.below(200) }, () => this.#decision())
    const held = this.held.values()
    const gone = Array.from({ length: Math.min(this.#random.below(120), held.length) }, () => {
      return held[this.#random.below(held.length)]
    })
    const before = performance.now()
    await this.#sink.apply({ deleted: gone.map((one) => wire(one, 1)), new: fresh.map((one) => wire(one)) })
    for (const one of gone) this.held.remove(one)
    this.#put(fresh, before)
    this.counts.deleted += gone.length
  }

  async resync() {
    const fresh = Array.from({ length: 5_000 }, () => this.#decision())
    const before = performance.now()
    await this.#sink.replaceAll(fresh.map((one) => wire(one)))
    this.held.clear()
    this.#put(fresh, before)
    this.counts.resyncs++
  }

  /** One that is told, on a network that nobody else is in. */
  async block(target) {
    const one = decisionOn(target, { type: 'ban', scenario: TOLD_SCENARIOS[0], duration: 60_000 })
    const before = performance.now()
    await this.#sink.apply({ new: [wire(one)] })
    this.#put([one], before)
  }

  #put(decisions, before) {
    const now = performance.now()
    for (const one of decisions) this.held.put(one, { end: { from: before + one.duration, to: now + one.duration } })
    this.counts.added += decisions.length
  }

  #decision() {
    const random = this.#random
    return decisionOn(randomTarget(random, { ranges: this.held.ranges.length < MOST_RANGES }), {
      type: TYPES[random.below(TYPES.length)],
      scenario: `soak/s${random.below(SCENARIOS)}`,
      duration: 500 + random.below(20_000),
    })
  }
}

function decisionOn(target, { type, scenario, duration }) {
  const scope = isSingle(target) ? 'Ip' : 'Range'
  return { identity: `${scope} ${target.value} ${type}`, origin: 'own', type, scenario, scope, target, duration }
}

function wire({ origin, type, scope, target, scenario, duration }, ends = duration) {
  return { origin, type, scope, value: target.value, duration: `${ends}ms`, scenario }
}
