/** Watches whether the decisions can be relied on: every source has delivered, and none too long ago. */

import type { FailureAction, FailureCause } from './policy.js'
import type { SourceAccount } from './sources/source-account.js'

export interface HealthWatchOptions {
  readonly notReadyAction: FailureAction
  readonly stalenessAction: FailureAction
  /** Milliseconds; undefined: however old. */
  readonly maxStaleness?: number | undefined
}

/** Is told of every change for the better or the worse. */
export type OnTrouble = (cause: FailureCause | null, action: FailureAction) => void

const INTERVAL = 1000

export class HealthWatch {
  readonly #accounts: readonly SourceAccount[]
  readonly #options: HealthWatchOptions
  readonly #onTrouble: OnTrouble
  #cause: FailureCause | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(accounts: readonly SourceAccount[], options: HealthWatchOptions, onTrouble: OnTrouble) {
    this.#accounts = accounts
    this.#options = options
    this.#onTrouble = onTrouble
    this.look()
  }

  start(): void {
    if (this.#options.maxStaleness === undefined) return // only time can make it worse unseen
    this.#timer = setInterval(() => this.look(), Math.min(INTERVAL, this.#options.maxStaleness))
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
  }

  /** To be called when a source has delivered. */
  look(): void {
    const cause = this.#findTrouble()
    if (cause === this.#cause) return
    this.#cause = cause
    const { notReadyAction, stalenessAction } = this.#options
    this.#onTrouble(cause, cause === 'stale' ? stalenessAction : notReadyAction)
  }

  #findTrouble(): FailureCause | null {
    if (!this.#accounts.every((account) => account.isReady)) return 'not_ready'
    const { maxStaleness } = this.#options
    if (maxStaleness === undefined) return null
    return this.#accounts.some((account) => (account.lastSyncAge ?? 0) * 1000 > maxStaleness) ? 'stale' : null
  }
}
