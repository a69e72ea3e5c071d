/** From what the judge finds to the verdict that counts: allowlist, guard rails, and what is done when something fails. */

import { ALLOWED, type FoundVerdict, type Verdict } from './decisions/decision.js'
import type { Judge, Subjects } from './decisions/judge.js'
import { originLabel, type RequestCounts } from './metrics/request-counts.js'
import type { AddressWords, Family } from './net/address.js'
import type { GuardRails } from './remediation/guard-rails.js'

/** Why a verdict could not be formed as it should. */
export type FailureCause = 'invalid_address' | 'not_ready' | 'stale' | 'live_failed' | 'internal'

/** What is done then. */
export type FailureAction = 'passthrough' | 'ban' | 'captcha'

/** Addresses that are let pass. Asked only where something matched, or where all are to be treated alike. */
export interface AllowedAddresses {
  hasWords(family: Family, words: AddressWords): boolean
}

export interface PolicyOptions {
  /** The user's own, and those of sources. */
  readonly allowlists: readonly AllowedAddresses[]
  readonly guardRails: GuardRails
  readonly invalidAddressAction: 'allow' | 'ban'
}

export class Policy {
  readonly #judge: Judge
  readonly #counts: RequestCounts
  readonly #options: PolicyOptions
  #trouble: { readonly cause: FailureCause; readonly action: FailureAction } | null = null

  constructor(judge: Judge, counts: RequestCounts, options: PolicyOptions) {
    this.#judge = judge
    this.#counts = counts
    this.#options = options
  }

  /** The family of the address judged last; 0 if it was no address. */
  get family(): Family {
    return this.#judge.family
  }

  /** From now on, those whom nothing matches get this, because the decisions cannot be relied on; null when they can again. */
  setTrouble(cause: FailureCause | null, action: FailureAction): void {
    this.#trouble = cause === null ? null : { cause, action }
  }

  /**
   * Judges and counts. Allocates nothing where nothing matches. `live`: what the LAPI said about the address when asked, the most
   * severe first, which counts where the store knows nothing; null where it was not asked. `guardRails`: a route's own, in
   * place of the bouncer's.
   */
  verdict(
    address: string,
    subjects: Subjects | undefined,
    live: readonly FoundVerdict[] | null = null,
    guardRails: GuardRails = this.#options.guardRails,
  ): Verdict {
    const judge = this.#judge
    const found = this.#find(address, subjects, guardRails) ?? worstOf(live, guardRails)
    if (found !== null) return this.#remediate(found, guardRails)
    if (judge.family === 0) return this.#failed('invalid_address', this.#options.invalidAddressAction, guardRails)
    // The LAPI's own word on an address is newer than anything that the store could have.
    const trouble = live === null ? this.#trouble : null
    if (trouble !== null) return this.#failed(trouble.cause, trouble.action, guardRails)
    return this.#allow()
  }

  /** The verdict on an address about which the LAPI could not be asked. */
  liveFailed(
    address: string,
    subjects: Subjects | undefined,
    action: FailureAction,
    guardRails: GuardRails = this.#options.guardRails,
  ): Verdict {
    const found = this.#find(address, subjects, guardRails)
    return found === null ? this.#failed('live_failed', action, guardRails) : this.#remediate(found, guardRails)
  }

  /** Whether the LAPI must be asked about an address: the store knows nothing, and the allowlist does not know it either. */
  needsLive(address: string, subjects: Subjects | undefined): boolean {
    const judge = this.#judge
    return judge.find(address, subjects) === null && judge.family !== 0 && !this.#isAllowlisted()
  }

  /** The decision that counts. By what its overrides say, it may be another than the most severe by type. */
  #find(address: string, subjects: Subjects | undefined, guardRails: GuardRails): FoundVerdict | null {
    const found = this.#judge.find(address, subjects)
    if (found === null || !guardRails.hasOverrides) return found
    return guardRails.worstOf([found, ...this.#judge.findAll(address, subjects)])
  }

  /** The verdict on the address judged last, which nothing matches as far as is known. The allowlist is known always. */
  #failed(cause: FailureCause, action: FailureAction | 'allow', guardRails: GuardRails): Verdict {
    if (this.#isAllowlisted()) return this.#allow()
    this.#counts.countFailure(cause)
    const done = action === 'passthrough' ? 'allow' : guardRails.limited(action)
    if (done === 'allow') return this.#allow()
    this.#counts.countRemediated(this.#judge.family, done, '')
    return { action: done, decision: null }
  }

  /** What is done about a decision on the address judged last, after allowlist and guard rails. */
  #remediate(found: FoundVerdict, guardRails: GuardRails): Verdict {
    const action = guardRails.actionFor(found.action, found.origin, found.scenario)
    if (action === 'allow' || this.#isAllowlisted()) return this.#allow()
    this.#counts.countRemediated(this.#judge.family, action, originLabel(found.origin, found.scenario))
    return action === found.action ? found : found.withAction(action)
  }

  #allow(): Verdict {
    this.#counts.countAllowed(this.#judge.family)
    return ALLOWED
  }

  #isAllowlisted(): boolean {
    const { family, words } = this.#judge
    for (const allowlist of this.#options.allowlists) if (allowlist.hasWords(family, words)) return true
    return false
  }
}

function worstOf(live: readonly FoundVerdict[] | null, guardRails: GuardRails): FoundVerdict | null {
  if (live === null) return null
  const [first, ...others] = live
  return first === undefined ? null : guardRails.worstOf([first, ...others])
}
