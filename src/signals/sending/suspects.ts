/**
 * Signals that CAPI refused by themselves. A refusal alone does not tell a bad signal from a CAPI that refuses everything, so they
 * are held until it takes another signal of the same machine, which proves them bad.
 */

import type { CapiError } from '../../capi/capi-error.js'

/** How many refusals in a row, with nothing taken in between, look like a fault of CAPI's. */
const FIRST_LIMIT = 4

export interface Suspect {
  readonly uuid: string
  readonly refusal: CapiError
}

export class Suspects {
  #held: Suspect[] = []
  #limit = FIRST_LIMIT

  /** Whether one more would be too many: now something else has to be taken first. */
  get isFull(): boolean {
    return this.#held.length >= this.#limit
  }

  add(suspect: Suspect): void {
    this.#held.push(suspect)
  }

  /** The last refusal; null where nobody is suspected. */
  get refusal(): CapiError | null {
    return this.#held.at(-1)?.refusal ?? null
  }

  /** They are proven bad. A full house may grow: where one producer writes only bad signals, it is found in few rounds. */
  convict(): readonly Suspect[] {
    if (this.isFull) this.#limit *= 2
    return this.clear()
  }

  /** Forgets them; whether they are bad is not known. */
  clear(): readonly Suspect[] {
    const held = this.#held
    this.#held = []
    return held
  }
}
