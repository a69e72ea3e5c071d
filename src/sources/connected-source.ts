/** A source, the store that it fills, and the account of how it goes. */

import type { DecisionStore } from '../decisions/decision-store.js'
import type { DecisionCount } from '../decisions/row-labels.js'
import type { Severity } from '../decisions/severity.js'
import type { SkipReason } from '../decisions/skip-reason.js'
import type { WireDecision } from '../decisions/wire-decision.js'
import { BouncerError } from '../errors.js'
import { FailureLog } from '../failure-log.js'
import type { Logger } from '../logger.js'
import { type ActiveDecisions, countActive } from './active-decisions.js'
import { SnapshotKeeper } from './snapshot-keeper.js'
import type { Source } from './source.js'
import { SourceAccount, type SourceStats } from './source-account.js'
import { StoreSink, type SyncReport } from './store-sink.js'

/** Who hears how a source goes. */
export interface SourceListener {
  synced(source: string, report: SyncReport): void
  /** `isStale`: it had delivered before, and this is the first failure since. */
  failed(source: string, error: Error, isStale: boolean): void
}

export interface ConnectedSourceOptions {
  readonly severity: Severity
  readonly logger: Logger
  readonly listener: SourceListener
  /** Where its decisions are kept over a restart, and the milliseconds between two snapshots at least; or null. */
  readonly snapshot: { readonly path: string; readonly interval: number } | null
}

export class ConnectedSource {
  readonly account: SourceAccount
  /** Resolves with the first full sync. */
  readonly firstSync: Promise<void>
  readonly #source: Source
  readonly #sink: StoreSink
  readonly #logger: Logger
  readonly #failures: FailureLog
  readonly #listener: SourceListener
  readonly #snapshots: SnapshotKeeper | null
  #resolveFirstSync: () => void = () => {}
  #isStopped = false

  constructor(source: Source, { severity, logger, listener, snapshot }: ConnectedSourceOptions) {
    this.account = new SourceAccount(source.name, source.delivers, source.readyAfter)
    this.firstSync = new Promise((resolve) => {
      this.#resolveFirstSync = resolve
    })
    this.#source = source
    this.#logger = logger
    this.#failures = new FailureLog(logger, 'error')
    this.#listener = listener
    this.#sink = new StoreSink(
      { severity, identity: source.identity ?? 'value' },
      {
        synced: (report) => this.#synced(report),
        failed: (error) => this.#failed(error),
        refused: (decision, reason) => this.#refused(decision, reason),
      },
    )
    // What the rows of a snapshot mean depends on all of these.
    const settings = JSON.stringify([source.name, source.identity ?? 'value', severity.order, source.settings ?? ''])
    this.#snapshots = snapshot === null ? null : new SnapshotKeeper({ ...snapshot, settings, logger }, this.#sink)
  }

  /** What is in force now. */
  get store(): DecisionStore {
    return this.#sink.store
  }

  get skipped(): ReadonlyMap<SkipReason, number> {
    return this.#sink.skipped
  }

  stats(): SourceStats {
    const { name, state, lastSyncAge, lastError, replaced, changed, failures } = this.account
    return {
      name,
      state,
      decisions: this.store.size,
      bytes: this.store.bytes,
      lastSyncAgeSeconds: lastSyncAge,
      lastError: lastError?.message ?? null,
      syncs: replaced + changed,
      failures,
      skipped: Object.fromEntries(this.skipped),
    }
  }

  counts(): Iterable<Readonly<DecisionCount>> {
    return this.store.labels.counts()
  }

  /** Decisions in force, by what usage metrics tell apart. */
  active(): Promise<readonly ActiveDecisions[]> {
    return countActive(this.store)
  }

  /** Never rejects: a source that cannot start is a source that failed. */
  async start(): Promise<void> {
    await this.#snapshots?.load()
    if (this.#isStopped) return
    try {
      await this.#source.start(this.#sink)
    } catch (error) {
      this.#failed(asError(this.account.name, error))
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    try {
      await this.#source.stop()
    } catch (error) {
      this.#logger.error(
        `Source ${this.account.name} did not stop cleanly: ${asError(this.account.name, error).message}`,
      )
    }
    await this.#snapshots?.stop()
  }

  #synced(report: SyncReport): void {
    const { name, state } = this.account
    if (state !== 'synced') {
      this.#logger.info(`Source ${name}: in sync, ${report.held} decisions held (${report.skipped} skipped)`)
    }
    this.account.noteSync(report.kind)
    this.#failures.recovered()
    if (report.kind === 'replaced' || report.added + report.removed > 0) this.#snapshots?.noteChange()
    this.#listener.synced(name, report)
    if (!this.account.isReady) return
    this.#resolveFirstSync()
    this.#snapshots?.noteFullSync()
  }

  #failed(error: Error): void {
    const { name } = this.account
    const isStale = this.account.noteFailure(error)
    this.#failures.failed(error, `Source ${name} failed and is tried again: ${error.message}`)
    this.#listener.failed(name, error, isStale)
  }

  #refused(decision: WireDecision, reason: SkipReason): void {
    const { type, scope, value } = decision
    const shown = JSON.stringify({ type, scope, value }, (_key, text) =>
      typeof text === 'string' ? text.slice(0, 100) : text,
    )
    this.#logger.warn(`Source ${this.account.name}: a decision is skipped (${reason}): ${shown}`)
  }
}

function asError(source: string, error: unknown): Error {
  if (error instanceof Error) return error
  return new BouncerError('ERR_CSB_SOURCE', `Source ${source} failed with ${String(error)}`, { cause: error })
}
