/** What a check answers, and the decision behind it, as users see them. */

/** A decision in force. A plain object, safe to keep, spread and serialise. */
export interface Decision {
  /** The LAPI's row id; a decimal string above 2^53 - 1; null where the source gave none. */
  readonly id: number | string | null
  readonly origin: string
  readonly type: string
  /** `Ip`, `Range`, `Country`, `AS`, or a custom scope as received. */
  readonly scope: string
  /** The value as received. */
  readonly value: string
  readonly scenario: string
  /** When it ends by this machine's clock, ISO 8601. It is enforced by a monotonic clock. */
  readonly until: string
}

/** The answer to one address. `action` is `allow`, or the type of the most severe decision that matches. */
export interface Verdict {
  readonly action: 'allow' | 'ban' | 'captcha' | 'throttle' | (string & {})
  /** The decision that won; null where nothing matches. Made when first read. */
  readonly decision: Decision | null
}

/** A verdict that stands on a decision. */
export interface FoundVerdict extends Verdict {
  readonly origin: string
  readonly scenario: string
  /** The same decision with another action, where guard rails say so. */
  withAction(action: string): Verdict
}

/** Where a verdict comes from, without making its decision, which costs more than the check; null where none stands behind it. */
export function sourceOf(verdict: Verdict): Pick<Decision, 'origin' | 'scenario'> | null {
  return isFound(verdict) ? verdict : verdict.decision
}

/** The type of the decision behind a verdict, likewise; empty where there is none. */
export function typeOf(verdict: Verdict): string {
  return isFound(verdict) ? verdict.action : (verdict.decision?.type ?? '')
}

function isFound(verdict: Verdict): verdict is FoundVerdict {
  return 'origin' in verdict
}

/** Nothing matches. One object for all, so that an allowed request allocates nothing. */
export const ALLOWED: Verdict = Object.freeze({ action: 'allow', decision: null })
