/** What is known of one source's health: the account that readiness, stats and metrics are read from. */

import type { Source } from './source.js'

export type SourceState = 'starting' | 'synced' | 'failing'

export interface SourceStats {
  readonly name: string
  readonly state: SourceState
  readonly decisions: number
  /** Bytes of typed arrays that hold them. */
  readonly bytes: number
  /** Null before the first success. */
  readonly lastSyncAgeSeconds: number | null
  readonly lastError: string | null
  readonly syncs: number
  readonly failures: number
  /** Refused decisions, by reason. */
  readonly skipped: Readonly<Record<string, number>>
}

export class SourceAccount {
  readonly name: string
  state: SourceState = 'starting'
  replaced = 0
  changed = 0
  failures = 0
  lastError: Error | null = null
  /** Milliseconds of the monotonic clock; null before the first success. */
  #lastSync: number | null = null
  #failingSince = 0
  readonly #delivers: Source['delivers']
  readonly #readyAfter: Source['readyAfter']

  constructor(name: string, delivers: Source['delivers'] = 'regularly', readyAfter?: Source['readyAfter']) {
    this.name = name
    this.#delivers = delivers
    this.#readyAfter = readyAfter
  }

  /** Whether there has been a full sync. */
  get isReady(): boolean {
    return this.replaced > 0 || (this.#readyAfter === 'any success' && this.changed > 0)
  }

  /** Seconds since the last success, or null. */
  get lastSyncAge(): number | null {
    return this.#lastSync === null ? null : (performance.now() - this.#lastSync) / 1000
  }

  /** For so many seconds it has not been known whether what it said still holds; null before the first success. */
  get staleness(): number | null {
    if (this.#delivers !== 'on change' || this.#lastSync === null) return this.lastSyncAge
    return this.state === 'failing' ? (performance.now() - this.#failingSince) / 1000 : 0
  }

  noteSync(kind: 'replaced' | 'changed'): void {
    this[kind]++
    this.state = 'synced'
    this.lastError = null
    this.#lastSync = performance.now()
  }

  /** Whether this is the first failure since the last success. */
  noteFailure(error: Error): boolean {
    const isFirst = this.state === 'synced'
    if (isFirst) this.#failingSince = performance.now()
    this.failures++
    this.lastError = error
    if (this.isReady || this.replaced + this.changed > 0) this.state = 'failing'
    return isFirst
  }
}
