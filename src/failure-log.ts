/** Logs a failure that comes again and again: each reason in full once, and quietly until all is well again. */

import type { Logger } from './logger.js'
import { reasonOf } from './thrown.js'

/** A failure that has another reason each time is told each time. */
const MOST_TOLD = 20

export class FailureLog {
  readonly #logger: Logger
  readonly #level: 'warn' | 'error'
  readonly #told = new Set<string>()

  constructor(logger: Logger, level: 'warn' | 'error') {
    this.#logger = logger
    this.#level = level
  }

  /** `line` tells of the error. */
  failed(error: Error, line: string): void {
    const reason = reasonOf(error)
    this.#logger[this.#told.has(reason) ? 'debug' : this.#level](line)
    if (this.#told.size >= MOST_TOLD) this.#told.clear()
    this.#told.add(reason)
  }

  /** All is well. Says so with `line`, if there is one, where there had been a failure. */
  recovered(line?: string): void {
    if (this.#told.size > 0 && line !== undefined) this.#logger.info(line)
    this.#told.clear()
  }
}
