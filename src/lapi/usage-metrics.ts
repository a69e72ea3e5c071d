/** What `POST /v1/usage-metrics` takes (LAPI since 1.6.3). */

export interface UsageMetrics {
  /** Exactly one (400 otherwise). */
  readonly remediation_components: readonly [RemediationComponent]
}

export interface RemediationComponent {
  readonly name: string
  readonly type: string
  /** The version in the User-Agent; with another one the LAPI's row of this bouncer changes with every call. */
  readonly version: string
  readonly os: { readonly name: string; readonly version: string }
  /** An array even if empty (400 otherwise, crowdsec#4297). */
  readonly feature_flags: readonly string[]
  /** Unix seconds, the same in every report of a process. */
  readonly utc_startup_timestamp: number
  /** An array (400 otherwise), of one window here. */
  readonly metrics: readonly [UsageWindow]
}

export interface UsageWindow {
  readonly meta: {
    /** Whole seconds since the last report that was accepted. */
    readonly window_size_seconds: number
    /** Unix seconds. */
    readonly utc_now_timestamp: number
  }
  readonly items: readonly UsageItem[]
}

/** Texts have 255 characters at most (422 otherwise). `cscli` reads the labels `origin` and `ip_type`. */
export interface UsageItem {
  /** `processed` and `dropped` count within the window, `active_decisions` is the state at its end. */
  readonly name: 'processed' | 'dropped' | 'active_decisions'
  readonly value: number
  readonly unit: 'request' | 'ip'
  readonly labels: Readonly<Record<string, string>>
}
