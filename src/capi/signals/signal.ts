/** A signal as it travels to CAPI (`POST /v3/signals`, schema of CrowdSec's swagger "prod-capi-v3"). */

/** Who or what a signal is about. */
export interface SignalSource {
  /** `ip`, `range`, or another scope. */
  readonly scope: string
  readonly value: string
  readonly ip?: string | undefined
  readonly range?: string | undefined
  readonly as_number?: string | undefined
  readonly as_name?: string | undefined
  /** ISO 3166 country code. */
  readonly cn?: string | undefined
  readonly latitude?: number | undefined
  readonly longitude?: number | undefined
}

/** What was done about it. */
export interface SignalDecision {
  /** 0 where there is none. */
  readonly id: number
  readonly uuid?: string | undefined
  /** A Go duration: `24h0m0s`. */
  readonly duration: string
  readonly origin: string
  readonly scenario: string
  readonly scope: string
  readonly type: string
  readonly value: string
  readonly simulated?: boolean | undefined
  readonly until?: string | undefined
}

export interface SignalContext {
  readonly key: string
  readonly value: string
}

/** How much CAPI trusts the scenario: untouched from the hub, changed, of one's own, or named by hand. */
export type ScenarioTrust = 'certified' | 'tainted' | 'custom' | 'manual' | (string & {})

/** One attack seen. All times are UTC, ISO 8601. The empty text stands for what is not known where a field is required. */
export interface Signal {
  /** Stable over every retry: what tells a signal that arrived twice from two signals. */
  readonly uuid: string
  readonly machine_id: string
  readonly message: string
  readonly scenario: string
  readonly scenario_hash: string
  readonly scenario_version: string
  readonly scenario_trust: ScenarioTrust
  readonly source: SignalSource
  readonly created_at: string
  readonly start_at: string
  readonly stop_at: string
  readonly alert_id?: number | undefined
  /** `crowdsec`, `waf`, `bot-detection`, ... */
  readonly kind?: string | undefined
  readonly context: readonly SignalContext[]
  readonly decisions: readonly SignalDecision[]
}
