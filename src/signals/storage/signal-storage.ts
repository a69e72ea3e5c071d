/** The outbox: where signals wait until CAPI has taken them. What `add` has accepted outlives the process. */

import type { Signal } from '../../capi/signals/signal.js'

/** `queued` also while a sender holds it. */
export type SignalState = 'queued' | 'sent' | 'quarantined'

export interface StoredSignal {
  readonly signal: Signal
  readonly state: SignalState
  /** Unix milliseconds. */
  readonly storedAt: number
  readonly sentAt: number | null
  /** Why it is in quarantine. */
  readonly reason: string | null
}

export interface SignalFilter {
  readonly state?: SignalState
  readonly machineId?: string
  /** Stored longer ago than so many milliseconds. */
  readonly olderThan?: number
}

export interface SignalCounts {
  readonly queued: number
  readonly sent: number
  readonly quarantined: number
  /** Unix milliseconds; null where nothing is queued. */
  readonly oldestQueuedAt: number | null
}

/** How much an outbox may hold. What exceeds it is dropped: old signals before new ones, since CAPI cares for what is recent. */
export interface OutboxLimits {
  /**
   * Signals in all states. Sent ones go first, then those in quarantine, then the queued; of each the oldest. A database counts
   * them from time to time, and may hold a hundredth more. Default 100,000.
   */
  readonly maxSignals: number
  /** Milliseconds since it was stored, in every state. Default 7 days. */
  readonly maxAge: number
}

/** What `add` did. */
export interface AddSummary {
  readonly added: number
  /** Known by their uuid, and left as they were. */
  readonly known: number
  /** Dropped to keep the limits, of those that had not been sent. */
  readonly dropped: number
}

export interface ClaimRequest {
  /** Whose signals. */
  readonly machineId: string
  readonly limit: number
  /** Who claims: a text that no other sender has. */
  readonly owner: string
  /** Milliseconds after which others may claim them. */
  readonly lease: number
}

export interface SignalStorage {
  /** All of them or none, in one transaction. A uuid that is known is left as it is. Keeps the limits, also where none are given. */
  add(signals: readonly Signal[]): Promise<AddSummary>
  /** Machines that have queued signals which nobody holds: first whose such signal came first, so that each gets its turn. */
  machinesWithQueued(): Promise<readonly string[]>
  /** The oldest queued signals that nobody holds; from now on the owner does. Two senders never get the same one. */
  claim(request: ClaimRequest): Promise<readonly Signal[]>
  /** CAPI has taken them. Also where the lease has run out meanwhile. */
  markSent(uuids: readonly string[], options: { readonly keep: boolean }): Promise<void>
  /** Back to the queue, those that this owner still holds. */
  release(uuids: readonly string[], owner: string): Promise<void>
  /** CAPI will not have it: it is kept, with the reason, and not sent again. */
  quarantine(uuid: string, reason: string): Promise<void>
  /** From quarantine back to the queue, all of the filter. Returns how many. */
  requeue(filter: { readonly machineId?: string }): Promise<number>
  /** In the order in which they came. */
  list(filter: SignalFilter & { readonly limit: number; readonly offset?: number }): Promise<readonly StoredSignal[]>
  counts(filter?: Omit<SignalFilter, 'state'>): Promise<SignalCounts>
  /** Deletes. Returns how many. */
  prune(filter: SignalFilter): Promise<number>
}
