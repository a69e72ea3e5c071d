/** Decisions from a local file, read again whenever it changes. */

import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { BouncerError } from '../errors.js'
import { FileWatch } from '../file-watch.js'
import type { Logger } from '../logger.js'
import { isSystemError, messageOf } from '../thrown.js'
import { type DecisionList, parseDecisionList } from './decision-list.js'
import type { DecisionSink, Source } from './source.js'

export interface FileSourceOptions {
  readonly path: string
  readonly logger: Logger
  /** Milliseconds between looks at the file. Default 1000. */
  readonly interval?: number
}

/** Bad lines are told one by one up to here, then counted. */
const MOST_TOLD = 20

export class FileSource implements Source {
  readonly name = 'file'
  readonly delivers = 'on change'
  readonly #path: string
  readonly #logger: Logger
  readonly #interval: number
  #watch: FileWatch | null = null
  #reading: Promise<void> = Promise.resolve()
  #replacing: Promise<unknown> = Promise.resolve()
  #isStopped = false

  constructor(options: FileSourceOptions) {
    this.#path = options.path
    this.#logger = options.logger
    this.#interval = options.interval ?? 1000
  }

  start(sink: DecisionSink): void {
    const read = () => {
      this.#reading = this.#reading.then(() => this.#read(sink))
    }
    this.#watch = new FileWatch({ path: this.#path, interval: this.#interval, changed: read })
    this.#reading = this.#watch.start()
    read()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#watch?.stop()
    await this.#replacing.catch(() => {}) // but not the reading: a drive that hangs would hold up everybody's stop
  }

  async #read(sink: DecisionSink): Promise<void> {
    try {
      const text = await readFile(this.#path, 'utf8')
      if (this.#isStopped) return
      const list = parseDecisionList(text, basename(this.#path))
      this.#tellProblems(list)
      this.#replacing = sink.replaceAll(list.decisions)
      await this.#replacing
    } catch (error) {
      if (this.#isStopped) return
      if (isSystemError(error)) this.#watch?.forget()
      const reason = messageOf(error)
      const message = `decisions_file ${this.#path} cannot be used: ${reason}`
      sink.failed(new BouncerError('ERR_CSB_DECISIONS_FILE', message, { cause: error }))
    }
  }

  #tellProblems({ problems }: DecisionList): void {
    for (const { place, message } of problems.slice(0, MOST_TOLD)) {
      this.#logger.warn(`decisions_file ${this.#path}, ${place} is skipped: ${message}`)
    }
    const untold = problems.length - MOST_TOLD
    if (untold > 0) this.#logger.warn(`decisions_file ${this.#path}: ${untold} more bad lines are skipped`)
  }
}
