/** What is really done with a decision's type: overrides by scenario and origin, and never more than the limit. */

import type { FoundVerdict } from '../decisions/decision.js'
import type { Severity } from '../decisions/severity.js'

export interface GuardRailOptions {
  readonly scenarioActions: Readonly<Record<string, string>>
  readonly originActions: Readonly<Record<string, string>>
  /** Nothing more severe is done. */
  readonly maxRemediation?: string | undefined
}

export class GuardRails {
  /** Whether another decision than the most severe by type may be the one that counts. */
  readonly hasOverrides: boolean
  readonly #scenarios: ReadonlyMap<string, string>
  readonly #origins: ReadonlyMap<string, string>
  readonly #limit: string | undefined
  readonly #severity: Severity

  constructor(options: GuardRailOptions, severity: Severity) {
    this.#scenarios = new Map(Object.entries(options.scenarioActions))
    this.#origins = new Map(Object.entries(options.originActions))
    this.hasOverrides = this.#scenarios.size + this.#origins.size > 0
    this.#limit = options.maxRemediation
    this.#severity = severity
  }

  /** The action for a decision of this type; the scenario's override goes before the origin's. */
  actionFor(type: string, origin: string, scenario: string): string {
    if (!this.hasOverrides) return this.limited(type)
    return this.limited(this.#scenarios.get(scenario) ?? this.#origins.get(origin) ?? type)
  }

  /** Of several decisions on one visitor the one for which most is done; of equals the first. */
  worstOf<Found extends FoundVerdict>(found: readonly [Found, ...Found[]]): Found {
    let worst = found[0]
    for (const one of found) if (this.#rankOf(one) < this.#rankOf(worst)) worst = one
    return worst
  }

  /** Whether so much may be done. */
  permits(action: string): boolean {
    return this.limited(action) === action
  }

  limited(action: string): string {
    if (this.#limit === undefined || action === 'allow') return action
    if (this.#limit === 'allow') return 'allow'
    return this.#severity.rankOf(action) < this.#severity.rankOf(this.#limit) ? this.#limit : action
  }

  #rankOf({ action, origin, scenario }: FoundVerdict): number {
    const done = this.actionFor(action, origin, scenario)
    return done === 'allow' ? Number.POSITIVE_INFINITY : this.#severity.rankOf(done)
  }
}
