/** A text that must not be printed: whatever prints it by accident (log, JSON, inspect, template string) gets `[secret]`. */

import { inspect } from 'node:util'

const shown = '[secret]'

/** Holds a secret. Only `reveal()` gives the text, so that each place which uses it can be found by that word. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return shown
  }

  toJSON(): string {
    return shown
  }

  [inspect.custom](): string {
    return shown
  }
}
