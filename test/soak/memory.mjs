/** What the bouncer's process and its outbox take, over time, and whether it grows. */

import { statSync } from 'node:fs'

/** What the last third of a run may take at least, in MB, beyond a fifth more than the most of the first third. */
const SLACK = { heap: 8, pages: 2, rss: 30, outbox: 10 }

/** Samples in a third. With fewer nothing can be said. */
const FEWEST = 2

export class Memory {
  #samples = []
  #bouncer
  #outbox

  constructor(bouncer, outbox) {
    this.#bouncer = bouncer
    this.#outbox = outbox
  }

  /** In MB. */
  sample() {
    globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    const files = [this.#outbox, `${this.#outbox}-wal`].map(
      (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    )
    const bytes = { heap: heapUsed, pages: this.#bouncer.stats().bytes, rss, outbox: files[0] + files[1] }
    const one = Object.fromEntries(Object.entries(bytes).map(([name, size]) => [name, Math.round(size / 1e5) / 10]))
    this.#samples.push(one)
    return one
  }

  most() {
    return Object.fromEntries(Object.keys(SLACK).map((name) => [name, Math.max(...valuesOf(this.#samples, name))]))
  }

  /** A sentence for each of them that grew: the least of the end is more than the most of the beginning. */
  growth() {
    const third = Math.floor(this.#samples.length / 3)
    if (third < FEWEST) return []
    return Object.entries(SLACK).flatMap(([name, slack]) => {
      const before = Math.max(...valuesOf(this.#samples.slice(0, third), name))
      const after = Math.min(...valuesOf(this.#samples.slice(-third), name))
      return after > 1.2 * before + slack ? [`${name} grew from ${before} to ${after} MB`] : []
    })
  }
}

function valuesOf(samples, name) {
  return samples.map((one) => one[name])
}
