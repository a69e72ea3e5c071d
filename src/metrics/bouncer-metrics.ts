/** The Prometheus face of a bouncer. Nothing here runs on a check but the histogram, on one of some thousands. */

import { Histogram, Registry } from 'prom-client'
import type { DecisionCount } from '../decisions/row-labels.js'
import type { SkipReason } from '../decisions/skip-reason.js'
import { METRIC_PREFIX, readCounter, readGauge } from './read-metric.js'
import type { RequestCounts } from './request-counts.js'

/** What one source shows. */
export interface MeasuredSource {
  readonly account: {
    readonly name: string
    readonly replaced: number
    readonly changed: number
    readonly failures: number
    /** Seconds, or null before the first success. */
    readonly lastSyncAge: number | null
  }
  readonly skipped: ReadonlyMap<SkipReason, number>
  counts(): Iterable<Readonly<DecisionCount>>
}

/** Seconds: 100 ns to 1 ms. */
const CHECK_BUCKETS = [1e-7, 2e-7, 5e-7, 1e-6, 2e-6, 5e-6, 1e-5, 1e-4, 1e-3]
/** Seconds: 1 ms to 5 minutes. */
const SYNC_BUCKETS = [0.001, 0.01, 0.1, 0.5, 1, 5, 30, 300]

export class BouncerMetrics {
  readonly registry = new Registry()
  readonly #checkDuration = new Histogram({
    name: `${METRIC_PREFIX}check_duration_seconds`,
    help: 'Duration of a check; one of 4096 is measured.',
    buckets: CHECK_BUCKETS,
    registers: [this.registry],
  })
  readonly #syncDuration = new Histogram({
    name: `${METRIC_PREFIX}sync_duration_seconds`,
    help: 'Duration of a successful sync, the transfer included.',
    labelNames: ['source', 'kind'],
    buckets: SYNC_BUCKETS,
    registers: [this.registry],
  })

  constructor(requests: RequestCounts, sources: readonly MeasuredSource[]) {
    this.#addRequests(requests)
    this.#addDecisions(sources)
    this.#addSyncs(sources)
  }

  /** Seconds. */
  observeCheck(seconds: number): void {
    this.#checkDuration.observe(seconds)
  }

  /** Seconds. */
  observeSync(source: string, kind: 'replaced' | 'changed', seconds: number): void {
    this.#syncDuration.observe({ source, kind }, seconds)
  }

  #addRequests(requests: RequestCounts): void {
    readCounter(
      this.registry,
      'requests_total',
      'Addresses judged, by action and by the origin of the decision.',
      ['action', 'origin'],
      (set) => {
        set({ action: 'allow', origin: '' }, requests.allowed)
        for (const { action, origin, count } of requests.remediated()) set({ action, origin }, count)
      },
    )
    readCounter(
      this.registry,
      'failed_verdicts_total',
      'Verdicts by a failure policy, by what had failed.',
      ['cause'],
      (set) => {
        for (const [cause, count] of requests.failuresByCause()) set({ cause }, count)
      },
    )
  }

  #addDecisions(sources: readonly MeasuredSource[]): void {
    const labels = ['origin', 'type', 'ip_family']
    readGauge(this.registry, 'decisions', 'Decisions held.', labels, (set) => {
      const sums = new Map<string, { labels: Record<string, string>; count: number }>()
      for (const source of sources) {
        for (const { origin, type, family, count } of source.counts()) {
          const key = JSON.stringify([origin, type, family])
          const sum = sums.get(key) ?? { labels: { origin, type, ip_family: family }, count: 0 }
          sum.count += count
          sums.set(key, sum)
        }
      }
      for (const sum of sums.values()) set(sum.labels, sum.count)
    })
    readCounter(
      this.registry,
      'decisions_skipped_total',
      'Decisions refused, by reason.',
      ['source', 'reason'],
      (set) => {
        for (const { account, skipped } of sources) {
          for (const [reason, count] of skipped) set({ source: account.name, reason }, count)
        }
      },
    )
  }

  #addSyncs(sources: readonly MeasuredSource[]): void {
    const accounts = sources.map(({ account }) => account)
    readCounter(
      this.registry,
      'syncs_total',
      'Successful syncs: of everything, or of changes.',
      ['source', 'kind'],
      (set) => {
        for (const { name, replaced, changed } of accounts) {
          set({ source: name, kind: 'replaced' }, replaced)
          set({ source: name, kind: 'changed' }, changed)
        }
      },
    )
    readCounter(this.registry, 'sync_failures_total', 'Failed syncs.', ['source'], (set) => {
      for (const { name, failures } of accounts) set({ source: name }, failures)
    })
    readGauge(
      this.registry,
      'last_sync_age_seconds',
      'Time since the last successful sync; absent before the first.',
      ['source'],
      (set) => {
        for (const { name, lastSyncAge } of accounts) if (lastSyncAge !== null) set({ source: name }, lastSyncAge)
      },
    )
  }
}
