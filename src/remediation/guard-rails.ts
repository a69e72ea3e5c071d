/** What is really done with a decision's type: overrides by scenario and origin, and never more than the limit. */

import type { Severity } from '../decisions/severity.js'

export interface GuardRailOptions {
  readonly scenarioActions: Readonly<Record<string, string>>
  readonly originActions: Readonly<Record<string, string>>
  /** Nothing more severe is done. */
  readonly maxRemediation?: string | undefined
}

export class GuardRails {
  readonly #scenarios: ReadonlyMap<string, string>
  readonly #origins: ReadonlyMap<string, string>
  readonly #limit: string | undefined
  readonly #severity: Severity

  constructor(options: GuardRailOptions, severity: Severity) {
    this.#scenarios = new Map(Object.entries(options.scenarioActions))
    this.#origins = new Map(Object.entries(options.originActions))
    this.#limit = options.maxRemediation
    this.#severity = severity
  }

  /** The action for a decision of this type; the scenario's override goes before the origin's. */
  actionFor(type: string, origin: string, scenario: string): string {
    return this.limited(this.#scenarios.get(scenario) ?? this.#origins.get(origin) ?? type)
  }

  limited(action: string): string {
    if (this.#limit === undefined || action === 'allow') return action
    return this.#severity.rankOf(action) < this.#severity.rankOf(this.#limit) ? this.#limit : action
  }
}
