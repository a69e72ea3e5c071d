/** Asks the bouncer about visitors, compares each answer with what is right, and keeps account of what has to be told of it. */

import { isIpv4, isSpecial, randomAddress, randomText, textOf } from './addresses.mjs'
import { HitLedger } from './hit-ledger.mjs'
import { TOLD_SCENARIOS } from './own-source.mjs'
import { judge } from './right-answer.mjs'
import { edgesOf } from './targets.mjs'

export class Visitors {
  counts = { checks: 0, ipv6: 0, unclear: 0, allowlisted: 0, blocked: { own: 0, CAPI: 0, lists: 0 } }
  /** Hits that are to be told. */
  told = new HitLedger()
  /** Hits that are not, by the reason that the bouncer has to give. */
  untold = { origin: 0, scenario: 0, special_address: 0 }
  #bouncer
  #own
  #lists
  #random
  #wrong

  constructor({ bouncer, own, lists, random, wrong }) {
    this.#bouncer = bouncer
    this.#own = own
    this.#lists = lists
    this.#random = random
    this.#wrong = wrong
  }

  come(count) {
    for (let i = 0; i < count; i++) this.visit(randomAddress(this.#random))
    const targets = [...this.#own.held.ranges, ...Array.from({ length: count / 20 }, () => this.#lists.randomTarget())]
    for (const address of targets.flatMap(edgesOf)) this.visit(address)
  }

  visit(address) {
    const text = randomText(address, this.#random)
    const from = performance.now()
    const verdict = this.#bouncer.check(text)
    const time = { from, to: performance.now() }
    const { counts } = this
    const blocking = [this.#own.held, this.#lists.blocking]
    const allowing = [this.#lists.allowing]
    const judgement = judge(verdict, address, { blocking, allowing, time })
    counts.checks++
    if (!isIpv4(address)) counts.ipv6++
    if (judgement === 'unclear' || judgement === 'allowlisted') counts[judgement]++
    if (judgement === 'wrong') {
      const { scenario, value } = verdict.decision ?? {}
      this.#wrong.push(`${text}: ${verdict.action} ${scenario ?? ''} ${value ?? ''} is not right`)
    }
    if (verdict.action === 'allow') return
    counts.blocked[verdict.decision.origin]++
    this.#note(address, verdict.decision)
  }

  #note(address, { origin, scenario }) {
    if (origin !== 'own') this.untold.origin++
    else if (!TOLD_SCENARIOS.includes(scenario)) this.untold.scenario++
    else if (isSpecial(address)) this.untold.special_address++
    else this.told.add(textOf(address), scenario, 1)
  }
}
