/** What differs, for a bouncer, between the two LAPI generations that FakeLapi can play. */

/** `1.4.6` is what Debian packages; `1.7.8` stands for every current engine. */
export type BodyShape = '1.4.6' | '1.7.8'

/** One row of the table below. */
export interface LapiTraits {
  /** `document`: `{"deleted":...,"new":...}` in one piece, `null` for an empty list. `streamed`: `{"new": [...], "deleted": [...]}`. */
  readonly body: 'document' | 'streamed'
  /** Who shares one `last_pull`: everybody with the key, or (since 1.6.4) everybody with the key at one address. */
  readonly session: 'key' | 'key-and-address'
  /** The `last_pull` of a bouncer that never pulled. With `never` its first delta brings everything (since 1.6.3). */
  readonly firstPull: 'registration' | 'never'
  /** `exact` keeps nanoseconds; `seconds` rounds to whole seconds (since 1.6.3). */
  readonly durations: 'exact' | 'seconds'
  /** A HEAD of the stream moves `last_pull`, or only has its key checked (since 1.5.0; no address or version noted since 1.6.4). */
  readonly head: 'pulls' | 'checks-key'
  /** Rows with one value, type, scope and expiry: 1.4.6 drops all but the first in memory. */
  readonly ties: 'first' | 'all'
  /** The order of rows: 1.4.6 has no ORDER BY and walks SQLite's index on `until`; later ones page by id. */
  readonly order: 'until' | 'id'
  /** When `last_pull` moves: before the answer is written, or only after all of it was (since 1.5.0). */
  readonly lastPullMoves: 'before-answer' | 'after-answer'
  /** Whether decisions of the stream carry `uuid` (since 1.5.0; never for CAPI and lists). */
  readonly uuid: 'absent' | 'in-stream'
  /** Whether `scope=` works like `scopes=` (since 1.6.1). */
  readonly scopeAlias: 'ignored' | 'honoured'
  /** What a stream request with a bad filter value gets: 500, or 200 with empty lists because the status line is out already. */
  readonly badStreamFilter: 'status-500' | 'empty-200'
  /** `POST /v1/usage-metrics` (since 1.6.3). */
  readonly usageMetrics: 'absent' | 'accepted'
}

export const lapiTraits: Readonly<Record<BodyShape, LapiTraits>> = {
  '1.4.6': {
    body: 'document',
    session: 'key',
    firstPull: 'registration',
    durations: 'exact',
    head: 'pulls',
    ties: 'first',
    order: 'until',
    lastPullMoves: 'before-answer',
    uuid: 'absent',
    scopeAlias: 'ignored',
    badStreamFilter: 'status-500',
    usageMetrics: 'absent',
  },
  '1.7.8': {
    body: 'streamed',
    session: 'key-and-address',
    firstPull: 'never',
    durations: 'seconds',
    head: 'checks-key',
    ties: 'all',
    order: 'id',
    lastPullMoves: 'after-answer',
    uuid: 'in-stream',
    scopeAlias: 'honoured',
    badStreamFilter: 'empty-200',
    usageMetrics: 'accepted',
  },
}
