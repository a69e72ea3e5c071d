/** Logs a failure that comes again and again: in full when it is new or another one, and quietly while it stays the same. */

import type { Logger } from './logger.js'

export class FailureLog {
  readonly #logger: Logger
  readonly #level: 'warn' | 'error'
  #last: string | null = null

  constructor(logger: Logger, level: 'warn' | 'error') {
    this.#logger = logger
    this.#level = level
  }

  /** `line` tells of the error. */
  failed(error: Error, line: string): void {
    this.#logger[error.message === this.#last ? 'debug' : this.#level](line)
    this.#last = error.message
  }

  /** All is well. Says so with `line`, if there is one, where there had been a failure. */
  recovered(line?: string): void {
    if (this.#last !== null && line !== undefined) this.#logger.info(line)
    this.#last = null
  }
}
