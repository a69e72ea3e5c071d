/** A decision as it travels: the shape in which the LAPI, a file or a user's own source delivers it. */

/**
 * One decision in the LAPI's wire shape (`GET /v1/decisions/stream`, LAPI 1.4.6 to 1.7.8; `uuid` is not used).
 * Text that is missing counts as empty; the store refuses a decision whose `type`, `scope`, `value` or `duration` is empty.
 */
export interface WireDecision {
  /** The row id of the LAPI. A decimal string where it is above 2^53 - 1 and a number could not hold it. */
  readonly id?: number | string | undefined
  /** Who decided: `crowdsec`, `cscli`, `CAPI`, `lists`, ... Case matters. */
  readonly origin: string
  /** `ban`, `captcha`, `throttle` or any text. */
  readonly type: string
  /** `Ip`, `Range`, `Country`, `AS` (in any case) or a custom scope (exact text). */
  readonly scope: string
  /** What it applies to: an address, a CIDR, a `first-last` range, a country code, an AS number, any text. */
  readonly value: string
  /** How much longer it holds, as a Go duration: `3h59m56.6s`, `999.5ms`, `-5m26.5s`. Zero or less means that it is over. */
  readonly duration: string
  /** The scenario, or the name of the list where `origin` is `lists`. */
  readonly scenario: string
}

/**
 * Decisions that came and went. `deleted` always counts before `new`: within one change, in whatever order its pieces
 * arrive, nothing that it brought as `new` is taken away by its own `deleted`.
 */
export interface DecisionChange {
  readonly deleted?: Iterable<WireDecision>
  readonly new?: Iterable<WireDecision>
  /**
   * For what is stated as a whole, such as one list among others: decisions held of which this is true and that the change does
   * not bring are taken away when all of it has arrived. If the iteration throws, none of them is.
   */
  readonly replaces?: (origin: string, scenario: string) => boolean
}
