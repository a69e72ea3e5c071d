/**
 * The way from an address to a verdict: at once where the decisions are in memory, else after the LAPI was asked or the first sync
 * is over. What is answered is not counted as done here.
 */

import type { Announcer } from './announcer.js'
import type { ResolvedOptions } from './config/parse-options.js'
import type { Verdict } from './decisions/decision.js'
import type { Subjects } from './decisions/judge.js'
import type { GeoResolver } from './geo/geo-resolver.js'
import { withPlace } from './geo/geo-subjects.js'
import type { BouncerMetrics } from './metrics/bouncer-metrics.js'
import { canonicalAddress, type Family } from './net/address.js'
import type { Policy } from './policy.js'
import type { GuardRails } from './remediation/guard-rails.js'
import type { LiveQuery } from './sources/live-query.js'

export interface AskingOptions extends Pick<ResolvedOptions, 'waitForSync' | 'lapiFailureAction'> {
  readonly policy: Policy
  readonly announcer: Announcer
  readonly metrics: BouncerMetrics
  readonly live: LiveQuery | null
  readonly geo: GeoResolver | null
  readonly isReady: () => boolean
  /** Resolves when the first sync is over or is waited for no longer; never rejects. */
  readonly whenReady: () => Promise<void>
}

/** One of so many checks is timed: often enough to see, too rare to cost. */
const TIMED_CHECKS_MASK = 4095

export class Asking {
  /** Of the address that `check` was asked about last; 0 if it was no address. */
  family: Family = 0
  readonly #options: AskingOptions
  // Each a field of its own: these are read for every request.
  readonly #policy: Policy
  readonly #announcer: Announcer
  readonly #geo: GeoResolver | null
  #checks = 0

  constructor(options: AskingOptions) {
    this.#options = options
    this.#policy = options.policy
    this.#announcer = options.announcer
    this.#geo = options.geo
  }

  /** By what is in memory. */
  check(address: string, subjects: Subjects | undefined): Verdict {
    return this.#check(address, this.located(address, subjects))
  }

  /** At once, or with a promise that never rejects. */
  ask(address: string, subjects: Subjects | undefined, guardRails?: GuardRails): Verdict | Promise<Verdict> {
    const known = this.located(address, subjects)
    const { waitForSync, isReady } = this.#options
    if (waitForSync && !isReady()) return this.#waitAndAsk(address, known, guardRails)
    return this.#askNow(address, known, guardRails)
  }

  /** What is known of a visitor; where it is switched on, with the place of his address. */
  located(address: string, subjects: Subjects | undefined): Subjects | undefined {
    return this.#geo === null ? subjects : withPlace(this.#geo, address, subjects)
  }

  #check(address: string, subjects: Subjects | undefined, guardRails?: GuardRails): Verdict {
    this.#checks = (this.#checks + 1) & TIMED_CHECKS_MASK
    const began = this.#checks === 0 ? performance.now() : 0
    const verdict = this.#policy.verdict(address, subjects, null, guardRails)
    const family = this.#policy.family
    this.#announcer.judged(address, verdict)
    if (began !== 0) this.#options.metrics.observeCheck((performance.now() - began) / 1000)
    this.family = family // only now: a listener may have asked about another address
    return verdict
  }

  async #waitAndAsk(address: string, subjects: Subjects | undefined, guardRails?: GuardRails): Promise<Verdict> {
    await this.#options.whenReady()
    return this.#askNow(address, subjects, guardRails)
  }

  #askNow(address: string, subjects: Subjects | undefined, guardRails?: GuardRails): Verdict | Promise<Verdict> {
    const { live } = this.#options
    if (live === null || !this.#policy.needsLive(address, subjects)) return this.#check(address, subjects, guardRails)
    const text = canonicalAddress(address)
    const known = live.peek(text, subjects)
    if (known !== undefined) {
      return this.#announcer.judged(address, this.#policy.verdict(address, subjects, known, guardRails))
    }
    return live.ask(text, subjects).then(
      (found) => this.#announcer.judged(address, this.#policy.verdict(address, subjects, found, guardRails)),
      () => this.#liveFailed(address, subjects, guardRails),
    )
  }

  #liveFailed(address: string, subjects: Subjects | undefined, guardRails: GuardRails | undefined): Verdict {
    const { lapiFailureAction } = this.#options
    return this.#announcer.judged(address, this.#policy.liveFailed(address, subjects, lapiFailureAction, guardRails))
  }
}
