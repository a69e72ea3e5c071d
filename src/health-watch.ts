/** Watches whether the decisions can be relied on: every source has delivered, and none too long ago. */

import type { Logger } from './logger.js'
import type { FailureAction, FailureCause } from './policy.js'
import type { SourceAccount } from './sources/source-account.js'

export interface HealthWatchOptions {
  readonly notReadyAction: FailureAction
  readonly stalenessAction: FailureAction
  /** Milliseconds; undefined: however old. */
  readonly maxStaleness?: number | undefined
  readonly logger: Logger
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
    if (this.#timer !== null) return
    this.#timer = setInterval(() => this.look(), Math.min(INTERVAL, this.#options.maxStaleness))
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** To be called when a source has delivered. */
  look(): void {
    const cause = this.#findTrouble()
    if (cause === this.#cause) return
    const { notReadyAction, stalenessAction, logger } = this.#options
    if (cause === 'stale')
      logger.warn(`The last good sync is older than maxStaleness; stalenessAction: ${stalenessAction}`)
    else if (this.#cause === 'stale') logger.info('The last good sync is younger than maxStaleness again')
    this.#cause = cause
    this.#onTrouble(cause, cause === 'stale' ? stalenessAction : notReadyAction)
  }

  #findTrouble(): FailureCause | null {
    if (!this.#accounts.every((account) => account.isReady)) return 'not_ready'
    const { maxStaleness } = this.#options
    if (maxStaleness === undefined) return null
    return this.#accounts.some((account) => (account.staleness ?? 0) * 1000 > maxStaleness) ? 'stale' : null
  }
}
