/** The plug point for whatever delivers decisions. The built-in sources implement the same interface as a user's own. */

import type { DecisionChange, WireDecision } from '../decisions/wire-decision.js'

/** Where a source puts what it learns. Work is done in slices of a few milliseconds; await each call before the next. */
export interface DecisionSink {
  /** Decisions held from this source now, those of a snapshot included. */
  readonly held: number

  /**
   * States the whole set. The new set is built beside the old one, which stays in force until the new one is complete and
   * takes its place in one step. If the iteration throws, the old set stays and the error is thrown on.
   */
  replaceAll(
    decisions: Iterable<WireDecision> | AsyncIterable<WireDecision | readonly WireDecision[]>,
  ): Promise<ReplaceSummary>

  /** States what changed since the last call. An async iterable is one change that arrives in pieces. */
  apply(change: DecisionChange | AsyncIterable<DecisionChange>): Promise<ChangeSummary>

  /** Says that a try to learn the current state failed; what was learned before stays in force until it expires. */
  failed(error: Error): void
}

/** What one `replaceAll` did. */
export interface ReplaceSummary {
  /** Decisions now held from this source. */
  readonly held: number
  /** Decisions refused in this call, whatever the reason. */
  readonly skipped: number
}

/** What one `apply` did. */
export interface ChangeSummary extends ReplaceSummary {
  /** Decisions added or renewed. */
  readonly added: number
  /** Decisions taken away. A `deleted` that was not held is normal and not counted. */
  readonly removed: number
}

/** Something that learns decisions and tells a sink. `name` is unique within a bouncer and appears in metrics. */
export interface Source {
  readonly name: string
  /**
   * What makes two of its decisions the same one: `value` (scope, value and type) unless it says `id` (the id too) or `list` (the
   * origin too, and the scenario where the origin is `lists`).
   */
  readonly identity?: 'value' | 'id' | 'list'
  /** Whatever decides what it delivers, such as a URL and filters. A snapshot made under other settings is not used. */
  readonly settings?: string
  /**
   * `regularly` (unless it says otherwise): each success is told to the sink, if only as an empty change, so that long silence
   * makes it stale (`maxStaleness`). `on change`: silence means that all is as it was, until it says `failed`.
   */
  readonly delivers?: 'regularly' | 'on change'
  /** When it is ready: with its first `replaceAll` unless it says otherwise, or with the first success of either kind. */
  readonly readyAfter?: 'replaceAll' | 'any success'
  /** Begins to deliver. Returns soon; what goes wrong later is told to `sink.failed`. Called once. */
  start(sink: DecisionSink): void | Promise<void>
  /** Ends delivery; afterwards no timer, socket or listener of it is left. */
  stop(): void | Promise<void>
}
