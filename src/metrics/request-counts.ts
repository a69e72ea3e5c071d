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
  readonly #remediatedOf = new Float64Array(7)
  readonly #remediated = new Map<string, Map<string, RequestCount>>()
  readonly #failures = new Map<string, number>()

  countAllowed(family: Family): void {
    this.#allowed[family]++
  }

  countRemediated(family: Family, action: string, origin: string): void {
    this.#remediatedOf[family]++
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

  /** All that were judged, whatever became of them. Family 0: what was no address. */
  judged(family: Family): number {
    return this.#allowed[family] + this.#remediatedOf[family]
  }

  get allowed(): number {
    return this.#allowed[4] + this.#allowed[6]
  }

  *remediated(): Generator<Readonly<RequestCount>> {
    for (const origins of this.#remediated.values()) yield* origins.values()
  }
}

/** Made once for each list: a string made anew for each request would have to be hashed anew too. */
const listLabels = new Map<string, string>()
const MOST_LIST_LABELS = 10_000

/** CrowdSec's name for an origin in metrics: of a blocklist, whose origin is just `lists`, the list's name is added. */
export function originLabel(origin: string, scenario: string): string {
  if (origin !== 'lists') return origin
  let label = listLabels.get(scenario)
  if (label === undefined) {
    label = `lists:${scenario}`
    if (listLabels.size < MOST_LIST_LABELS) listLabels.set(scenario, label)
  }
  return label
}
