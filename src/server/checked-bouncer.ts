/** What the check service needs of a bouncer: the small part of `Bouncer` that its answers are made of. */

export interface CheckedBouncer {
  /** At once where the decisions are in memory, else with a promise. Never throws nor rejects. */
  ask(address: string): CheckedVerdict | Promise<CheckedVerdict>
  /** Whether every source has had its first full sync. */
  isReady(): boolean
  stats(): CheckedStats
  readonly registry: { readonly contentType: string; metrics(): Promise<string> }
}

export interface CheckedVerdict {
  /** `allow`, `ban`, `captcha`, `throttle` or a type of the user's own. */
  readonly action: string
  readonly decision: CheckedDecision | null
}

export interface CheckedDecision {
  readonly id: number | string | null
  readonly origin: string
  readonly scenario: string
  readonly scope: string
  readonly value: string
  readonly type: string
  /** ISO 8601. */
  readonly until: string
}

export interface CheckedStats {
  readonly decisions: number
  readonly sources: readonly {
    readonly name: string
    readonly state: string
    readonly decisions: number
    readonly lastSyncAgeSeconds: number | null
    readonly lastError: string | null
  }[]
}
