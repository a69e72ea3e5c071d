/**
 * How an outbox is kept within its limits. Dropped first: what was sent; then what is in quarantine, since it goes nowhere unless a
 * person steps in; then what is queued. Of each the oldest first. Whatever is too old is dropped in every state.
 */

import type { BouncerError } from '../../errors.js'
import type { OutboxLimits, SignalState } from './signal-storage.js'

export const DEFAULT_LIMITS: OutboxLimits = { maxSignals: 100_000, maxAge: 7 * 24 * 3_600_000 }

export const DROP_ORDER: readonly SignalState[] = ['sent', 'quarantined', 'queued']

export interface StorageOptions {
  /** Those left out have their default. */
  readonly limits?: Partial<OutboxLimits> | undefined
  /** Unix milliseconds. Default: the database's clock on PostgreSQL, which several hosts share; elsewhere this machine's. */
  readonly clock?: (() => number) | undefined
  /** Once it is aborted the storage waits for nothing, neither a lock nor an answer, and what is under way fails. */
  readonly giveUp?: AbortSignal | undefined
  /** Hears that the file of SQLite was deleted or replaced. All calls fail from then on; close the storage and open it anew. */
  readonly onLost?: ((error: BouncerError) => void) | undefined
}
