/** What users of a bouncer see of it besides its methods: its events and its figures. */

import type { Verdict } from './decisions/decision.js'
import type { RequestCounts } from './metrics/request-counts.js'
import type { SignalStats } from './signals/reporting.js'
import type { SourceStats } from './sources/source-account.js'
import type { SyncReport } from './sources/store-sink.js'

/** The events of a bouncer and what their listeners get. A listener that throws does no harm. */
export interface BouncerEvents {
  /** An address was judged and not allowed. */
  blocked: [{ readonly address: string; readonly verdict: Verdict }]
  /** A source delivered, and what it said is in force. */
  synced: [{ readonly source: string } & SyncReport]
  /** A source that had delivered has failed. What it said stays in force until it expires. */
  stale: [{ readonly source: string; readonly error: Error }]
  /** A source failed. It goes on trying. */
  error: [Error]
}

export interface BouncerStats {
  /** Decisions held, of all sources. */
  readonly decisions: number
  /** Bytes of typed arrays that hold them. */
  readonly bytes: number
  readonly requests: { readonly allowed: number; readonly remediated: number; readonly invalid: number }
  readonly sources: readonly SourceStats[]
  /** Where `report` is on. */
  readonly signals?: SignalStats
}

interface StatsParts {
  readonly requests: RequestCounts
  readonly sources: readonly SourceStats[]
  readonly signals: SignalStats | undefined
}

export function statsOf({ requests, sources, signals }: StatsParts): BouncerStats {
  let remediated = 0
  for (const { count } of requests.remediated()) remediated += count
  const { allowed } = requests
  return {
    decisions: sources.reduce((sum, source) => sum + source.decisions, 0),
    bytes: sources.reduce((sum, source) => sum + source.bytes, 0),
    requests: { allowed, remediated, invalid: requests.failures('invalid_address') },
    sources,
    ...(signals === undefined ? {} : { signals }),
  }
}
