/** From what the judge finds to the verdict that counts: allowlist, guard rails, and what is done when something fails. */

import { ALLOWED, type FoundVerdict, type Verdict } from './decisions/decision.js'
import type { Judge, Subjects } from './decisions/judge.js'
import { originLabel, type RequestCounts } from './metrics/request-counts.js'
import type { PrefixSet } from './net/prefix-set.js'
import type { GuardRails } from './remediation/guard-rails.js'

/** Why a verdict could not be formed as it should. */
export type FailureCause = 'invalid_address' | 'not_ready' | 'stale' | 'live_failed'

/** What is done then. */
export type FailureAction = 'passthrough' | 'ban' | 'captcha'

export interface PolicyOptions {
  readonly allowlist: PrefixSet
  readonly guardRails: GuardRails
  readonly invalidAddressAction: 'allow' | 'ban'
}

export class Policy {
  readonly #judge: Judge
  readonly #counts: RequestCounts
  readonly #options: PolicyOptions
  readonly #invalid: Verdict
  #trouble: { readonly cause: FailureCause; readonly verdict: Verdict } | null = null

  constructor(judge: Judge, counts: RequestCounts, options: PolicyOptions) {
    this.#judge = judge
    this.#counts = counts
    this.#options = options
    this.#invalid = verdictFor(options.invalidAddressAction === 'ban' ? 'ban' : 'passthrough')
  }

  /** From now on, those whom nothing matches get this, because the decisions cannot be relied on; null when they can again. */
  setTrouble(cause: FailureCause | null, action: FailureAction): void {
    this.#trouble = cause === null ? null : { cause, verdict: verdictFor(action) }
  }

  /**
   * Judges and counts. Allocates nothing where nothing matches. `live`: what the LAPI said about the address when asked, which
   * counts where the store knows nothing.
   */
  verdict(address: string, subjects: Subjects | undefined, live: FoundVerdict | null = null): Verdict {
    const judge = this.#judge
    const found = judge.find(address, subjects) ?? live
    if (found !== null) return this.#remediate(found)
    if (judge.family === 0) return this.#failed('invalid_address', this.#invalid)
    if (this.#trouble !== null) return this.#failed(this.#trouble.cause, this.#trouble.verdict)
    this.#counts.countAllowed(judge.family)
    return ALLOWED
  }

  /** The verdict on an address about which the LAPI could not be asked. */
  liveFailed(address: string, subjects: Subjects | undefined, action: FailureAction): Verdict {
    const found = this.#judge.find(address, subjects)
    return found === null ? this.#failed('live_failed', verdictFor(action)) : this.#remediate(found)
  }

  /** Whether the LAPI must be asked about an address: the store knows nothing, and the allowlist does not know it either. */
  needsLive(address: string, subjects: Subjects | undefined): boolean {
    const judge = this.#judge
    if (judge.find(address, subjects) !== null || judge.family === 0) return false
    return !this.#options.allowlist.hasWords(judge.family, judge.words)
  }

  #failed(cause: FailureCause, verdict: Verdict): Verdict {
    this.#counts.countFailure(cause)
    if (verdict === ALLOWED) this.#counts.countAllowed(this.#judge.family)
    else this.#counts.countRemediated(verdict.action, '')
    return verdict
  }

  /** What is done about a decision on the address judged last, after allowlist and guard rails. */
  #remediate(found: FoundVerdict): Verdict {
    const { allowlist, guardRails } = this.#options
    const action = guardRails.actionFor(found.action, found.origin, found.scenario)
    if (action === 'allow' || allowlist.hasWords(this.#judge.family, this.#judge.words)) {
      this.#counts.countAllowed(this.#judge.family)
      return ALLOWED
    }
    this.#counts.countRemediated(action, originLabel(found.origin, found.scenario))
    return action === found.action ? found : found.withAction(action)
  }
}

/** The verdict without a decision that a failure action stands for. */
export function verdictFor(action: FailureAction): Verdict {
  return action === 'passthrough' ? ALLOWED : Object.freeze({ action, decision: null })
}
