/** Typed events whose listeners cannot hurt whoever tells them. */

import { EventEmitter } from 'node:events'
import type { Logger } from './logger.js'
import { isThenable } from './thenable.js'
import { messageOf } from './thrown.js'

type EventMap<Events> = { [Name in keyof Events]: unknown[] }

export class Events<Map extends EventMap<Map>> {
  readonly #emitter = new EventEmitter()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add<Name extends keyof Map & string>(name: Name, listener: (...event: Map[Name]) => void): void {
    this.#emitter.on(name, listener as (...event: unknown[]) => void)
  }

  remove<Name extends keyof Map & string>(name: Name, listener: (...event: Map[Name]) => void): void {
    this.#emitter.off(name, listener as (...event: unknown[]) => void)
  }

  /** Whether anyone listens; ask before building an event that costs something. */
  has(name: keyof Map & string): boolean {
    return this.#emitter.listenerCount(name) > 0
  }

  /** Tells every listener. What one throws, or rejects with, is logged; `error` without a listener is nothing special. */
  tell<Name extends keyof Map & string>(name: Name, ...event: Map[Name]): void {
    if (!this.has(name)) return
    const failed = (error: unknown) => this.#logger.error(`A listener for "${name}" threw: ${messageOf(error)}`)
    for (const listener of this.#emitter.listeners(name)) {
      try {
        const result: unknown = listener(...event)
        if (isThenable(result)) result.then(undefined, failed) // unheard, it would end the process
      } catch (error) {
        failed(error)
      }
    }
  }
}
