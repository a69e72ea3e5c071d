/** Notes the time every second and frees decisions that are over, in slices of at most 2 ms, so that memory follows the clock. */

import type { DecisionStore } from './decision-store.js'

const INTERVAL = 1000
const LONGEST_SLICE = 2
const ROWS_A_STEP = 2048

export class Sweeper {
  readonly #stores: () => readonly DecisionStore[]
  #timer: NodeJS.Timeout | null = null
  #immediate: NodeJS.Immediate | null = null
  #store = 0
  #slot = 0

  /** `stores` tells which stores there are now; they may be replaced at any time. */
  constructor(stores: () => readonly DecisionStore[]) {
    this.#stores = stores
  }

  start(): void {
    this.#timer = setInterval(() => {
      for (const { ticks } of this.#stores()) ticks.note()
      this.#slice()
    }, INTERVAL)
    this.#timer.unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    if (this.#immediate !== null) clearImmediate(this.#immediate)
    this.#timer = null
    this.#immediate = null
    for (const { ticks } of this.#stores()) ticks.forget()
  }

  /** Goes on where the last slice ended. Where much has expired, the next slice follows at once. */
  #slice(): void {
    this.#immediate = null
    const began = performance.now()
    let freed = 0
    while (performance.now() - began < LONGEST_SLICE) {
      const stores = this.#stores()
      const store = stores[this.#store]
      if (store === undefined) {
        this.#store = 0
        return // all stores are through; the timer starts the next round
      }
      const before = store.size
      this.#slot = store.sweep(this.#slot, ROWS_A_STEP)
      freed += before - store.size
      if (this.#slot === 0) this.#store++
    }
    if (freed > 0 && this.#timer !== null) this.#immediate = setImmediate(() => this.#slice())
  }
}
