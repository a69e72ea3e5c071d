/** Which of several decisions wins: types in order, the most severe first. */

/** CrowdSec's documented priority, then whatever else there is. */
export const DEFAULT_SEVERITY: readonly string[] = ['ban', 'captcha', 'throttle']

export class Severity {
  /** As given. */
  readonly order: readonly string[]
  readonly #ranks: ReadonlyMap<string, number>
  readonly #rankOfOthers: number

  constructor(order: readonly string[] = DEFAULT_SEVERITY) {
    this.order = order
    this.#ranks = new Map(order.map((type, rank) => [type, rank]))
    this.#rankOfOthers = Math.min(order.length, 255)
  }

  /** 0 is the most severe; at most 255. Types outside the order share the last rank. */
  rankOf(type: string): number {
    return Math.min(this.#ranks.get(type) ?? this.#rankOfOthers, this.#rankOfOthers)
  }
}
