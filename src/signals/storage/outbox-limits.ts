/**
 * How an outbox is kept within its limits. Dropped first: what was sent; then what is in quarantine, since it goes nowhere unless a
 * person steps in; then what is queued. Of each the oldest first. Whatever is too old is dropped in every state.
 */

import type { OutboxLimits, SignalState } from './signal-storage.js'

export const DEFAULT_LIMITS: OutboxLimits = { maxSignals: 100_000, maxAge: 7 * 24 * 3_600_000 }

export const DROP_ORDER: readonly SignalState[] = ['sent', 'quarantined', 'queued']

export interface StorageOptions {
  /** Those left out have their default. */
  readonly limits?: Partial<OutboxLimits> | undefined
  /** Unix milliseconds. Default: the database's clock on PostgreSQL, which several hosts share; elsewhere this machine's. */
  readonly clock?: (() => number) | undefined
}
