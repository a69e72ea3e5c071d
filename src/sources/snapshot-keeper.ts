/** Keeps a source's decisions in a file, so that a restart protects from the first moment, before the source has answered. */

import { readSnapshot, writeSnapshot } from '../decisions/snapshot-file.js'
import type { Logger } from '../logger.js'
import { messageOf } from '../thrown.js'
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
  #timer: NodeJS.Timeout | null = null
  #hasChanged = false
  #writing: Promise<void> = Promise.resolve()

  constructor(options: SnapshotKeeperOptions, sink: StoreSink) {
    this.#options = options
    this.#sink = sink
  }

  /** Puts the snapshot in force, if there is a good one. What is wrong with a bad one is logged. Never rejects. */
  async load(): Promise<void> {
    const { path, settings, logger } = this.#options
    const store = this.#sink.createStore()
    try {
      if (!(await readSnapshot(path, settings, store))) return
    } catch (error) {
      logger.warn(messageOf(error))
      return
    }
    this.#sink.store = store
    logger.info(`${store.size} decisions of the last run are in force, from snapshot_file ${path}`)
  }

  /** The source has delivered: a snapshot is due when the interval is over. */
  noteChange(): void {
    this.#hasChanged = true
    if (this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#writing = this.#save()
    }, this.#options.interval)
    this.#timer.unref()
  }

  /** Writes the last snapshot, if there is anything new in it. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await this.#writing
    await this.#save()
  }

  async #save(): Promise<void> {
    if (!this.#hasChanged) return
    this.#hasChanged = false
    const { path, settings, logger } = this.#options
    try {
      await this.#sink.whileQuiet((store) => writeSnapshot(path, settings, store))
    } catch (error) {
      this.#hasChanged = true
      logger.warn(messageOf(error))
    }
  }
}
