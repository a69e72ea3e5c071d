/** How many addresses were judged and how. Counting an allowed one is one addition to a typed array. */

import type { Family } from '../net/address.js'

export interface RequestCount {
  readonly action: string
  /** Where the decision came from; empty where there was none. Blocklists are told apart: `lists:NAME`. */
  readonly origin: string
  count: number
}

export class RequestCounts {
  readonly #allowed = new Float64Array(7)
  readonly #remediated = new Map<string, Map<string, RequestCount>>()
  readonly #failures = new Map<string, number>()

  countAllowed(family: Family): void {
    this.#allowed[family]++
  }

  countRemediated(action: string, origin: string): void {
    let origins = this.#remediated.get(action)
    if (origins === undefined) {
      origins = new Map()
      this.#remediated.set(action, origins)
    }
    const entry = origins.get(origin)
    if (entry === undefined) origins.set(origin, { action, origin, count: 1 })
    else entry.count++
  }

  /** Counts a verdict that could not be formed as it should, under its cause. */
  countFailure(cause: string): void {
    this.#failures.set(cause, (this.#failures.get(cause) ?? 0) + 1)
  }

  failures(cause: string): number {
    return this.#failures.get(cause) ?? 0
  }

  failuresByCause(): Iterable<readonly [cause: string, count: number]> {
    return this.#failures
  }

  get allowed(): number {
    return this.#allowed[4] + this.#allowed[6]
  }

  *remediated(): Generator<Readonly<RequestCount>> {
    for (const origins of this.#remediated.values()) yield* origins.values()
  }
}

/** CrowdSec's name for an origin in metrics: of a blocklist, whose origin is just `lists`, the list's name is added. */
export function originLabel(origin: string, scenario: string): string {
  return origin === 'lists' ? `lists:${scenario}` : origin
}
