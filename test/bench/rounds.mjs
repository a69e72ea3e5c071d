/**
 * Paired measuring: rounds in which every variant has its turn, so that a noisy neighbour hits all of them, and only the
 * quotients within a round count. A variant is `{ name, inputs, answer }`: `inputs.batch(from, count)` makes fresh inputs
 * outside the measured time, `answer(input)` gives a number. `isAsync` variants are awaited one by one.
 */

import { progress } from './progress.mjs'

const BATCH = 1024
/** Milliseconds that a variant may take in one round. */
const TURN = 60

/** Nanoseconds a call, one number a round, by the variant's name. */
export async function measureRounds(variants, rounds) {
  const runners = variants.map((variant) => new Runner(variant))
  for (const runner of runners) await runner.warmUp()
  const times = Object.fromEntries(variants.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    for (let i = 0; i < runners.length; i++) {
      const runner = runners[(i + round) % runners.length]
      times[runner.name].push(await runner.turn(round))
    }
  }
  return times
}

class Runner {
  name
  #variant
  #loop
  #count = 1
  #sum = 0

  constructor(variant) {
    this.name = variant.name
    this.#variant = variant
    this.#loop = variant.isAsync ? freshAsyncLoop() : freshLoop()
  }

  /** Until it is compiled, then finds out how many calls make a turn. */
  async warmUp() {
    const began = performance.now()
    let nanoseconds = await this.#time(0, 1)
    while (performance.now() - began < 5 * TURN)
      nanoseconds = await this.#time(0, Math.min(BATCH, countFor(nanoseconds)))
    this.#count = Math.max(4, Math.min(this.#variant.inputs.count, countFor(nanoseconds)))
  }

  /** Nanoseconds a call. The same round takes the same inputs, whatever the variant. */
  async turn(round) {
    const start = (round * 7919) % this.#variant.inputs.count
    let total = 0
    for (let done = 0; done < this.#count; done += BATCH) {
      const size = Math.min(BATCH, this.#count - done)
      total += (await this.#time(start + done, size)) * size
    }
    return total / this.#count
  }

  async #time(from, count) {
    const inputs = this.#variant.inputs.batch(from, count)
    const began = process.hrtime.bigint()
    const sum = this.#loop(this.#variant.answer, inputs)
    this.#sum += typeof sum === 'number' ? sum : await sum
    return Number(process.hrtime.bigint() - began) / count
  }
}

function countFor(nanoseconds) {
  return Math.max(1, Math.ceil((TURN * 1e6) / nanoseconds))
}

/** Its own function for each variant: one loop for all would call through a site that has seen them all and inlines none. */
function freshLoop() {
  return new Function(
    'answer',
    'inputs',
    'let s = 0; for (let i = 0; i < inputs.length; i++) s += answer(inputs[i]); return s',
  )
}

function freshAsyncLoop() {
  return new Function(
    'answer',
    'inputs',
    'return (async () => { let s = 0; for (let i = 0; i < inputs.length; i++) s += await answer(inputs[i]); return s })()',
  )
}
