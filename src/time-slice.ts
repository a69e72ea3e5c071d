/** Long work in slices: a few milliseconds at a time, with a turn of the event loop between. */

import { setImmediate as turnOfTheLoop } from 'node:timers/promises'

const LONGEST = 3

export class TimeSlice {
  #began = performance.now()

  /** Whether it is time to rest. Ask every hundred steps or so: the clock costs more than a step. */
  isOver(): boolean {
    return performance.now() - this.#began > LONGEST
  }

  /** Lets everyone else have a turn. */
  async rest(): Promise<void> {
    await turnOfTheLoop()
    this.#began = performance.now()
  }
}
