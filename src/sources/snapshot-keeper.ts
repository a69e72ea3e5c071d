/** Keeps a source's decisions in a file, so that a restart protects from the first moment, before the source has answered. */

import { readSnapshot, writeSnapshot } from '../decisions/snapshot-file.js'
import { FailureLog } from '../failure-log.js'
import type { Logger } from '../logger.js'
import { errorOf, messageOf } from '../thrown.js'
import type { StoreSink } from './store-sink.js'

export interface SnapshotKeeperOptions {
  readonly path: string
  /** Milliseconds between two snapshots at least. */
  readonly interval: number
  /** What the snapshot depends on; see `Source.settings`. */
  readonly settings: string
  readonly logger: Logger
}

export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions
  readonly #sink: StoreSink
  readonly #failures: FailureLog
  #timer: NodeJS.Timeout | null = null
  #hasChanged = false
  #isSynced = false
  /** From then on only `stop` itself writes, whatever a source may still deliver. */
  #isStopped = false
  /** Reading and writing, one after the other. */
  #work: Promise<void> = Promise.resolve()

  constructor(options: SnapshotKeeperOptions, sink: StoreSink) {
    this.#options = options
    this.#sink = sink
    this.#failures = new FailureLog(options.logger, 'warn')
  }

  /** Puts the snapshot in force, if there is a good one. What is wrong with a bad one is logged. Never rejects. */
  load(): Promise<void> {
    this.#work = this.#load()
    return this.#work
  }

  async #load(): Promise<void> {
    const { path, settings, logger } = this.#options
    const store = this.#sink.createStore()
    try {
      if (!(await readSnapshot(path, settings, store)) || this.#isStopped) return
    } catch (error) {
      if (!this.#isStopped) logger.warn(messageOf(error))
      return
    }
    this.#sink.store = store
    logger.info(`${store.size} decisions of the last run are in force, from snapshot_file ${path}`)
  }

  /** The source has delivered: a snapshot is due when the interval is over. */
  noteChange(): void {
    this.#hasChanged = true
    if (this.#timer !== null || this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#save()
    }, this.#options.interval)
    this.#timer.unref()
  }

  /** All that the source has to say is in. The first time a snapshot is due at once, since a process may not live for the interval. */
  noteFullSync(): void {
    if (this.#isSynced || this.#isStopped) return
    this.#isSynced = true
    void this.#save()
  }

  /** Writes the last snapshot, if there is anything new in it. */
  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await this.#save()
  }

  #save(): Promise<void> {
    this.#work = this.#work.then(() => this.#saveChange())
    return this.#work
  }

  async #saveChange(): Promise<void> {
    if (!this.#hasChanged) return
    this.#hasChanged = false
    const { path, settings } = this.#options
    try {
      await this.#sink.whileQuiet((store) => writeSnapshot(path, settings, store))
      this.#failures.recovered()
    } catch (error) {
      this.noteChange() // to try again also where nothing changes any more
      this.#failures.failed(errorOf(error, 'ERR_CSB_SNAPSHOT'), messageOf(error))
    }
  }
}
