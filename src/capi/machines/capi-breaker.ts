/**
 * The pause of all machines on one storage after a 403, which CAPI gives an address for an hour. After it one request goes ahead
 * of the others, and what comes of it decides for all.
 */

import { messageOf } from '../../thrown.js'
import { CapiError } from '../capi-error.js'
import type { Breaker, MachineStorage } from './machine-storage.js'
import { FORBIDDEN_PAUSE, retryAfterOf, timeLeft } from './standing.js'

/** Milliseconds that the others are held back for a probe: it may log in and download a list. Ends early with the probe. */
const PROBE_TIME = 60_000

/** Milliseconds after a pause in which whoever was refused leaves the probe to others, which may fare better. */
const OTHERS_FIRST = 10 * 60 * 1000

/** `probe`: it goes ahead of the others, and its end must be told. */
export type Pass = 'free' | 'probe'

export class CapiBreaker {
  readonly #storage: Pick<MachineStorage, 'breaker' | 'setBreaker'>
  readonly #now: () => number
  #isProbing = false

  constructor(storage: Pick<MachineStorage, 'breaker' | 'setBreaker'>, now: () => number) {
    this.#storage = storage
    this.#now = now
  }

  /** Null where nobody is held back. */
  async state(): Promise<Breaker | null> {
    const breaker = await this.#storage.breaker()
    return breaker !== null && timeLeft(breaker, this.#now()) > 0 ? breaker : null
  }

  /**
   * Throws `ERR_CSB_CAPI_BLOCKED`. Whoever gets `probe` ends with `succeed`, `trip` or `giveUp`. `hasBetter`: whether there are
   * others whom CAPI has not refused.
   */
  async admit(hasBetter: () => Promise<boolean>): Promise<Pass> {
    const breaker = await this.#storage.breaker()
    if (breaker === null) return 'free'
    const now = this.#now()
    const left = timeLeft(breaker, now)
    if (left > 0) throw blocked(breaker, left)
    const turn = { ...breaker, until: breaker.until + OTHERS_FIRST, pause: OTHERS_FIRST }
    const untilTurn = timeLeft(turn, now)
    if (untilTurn > 0 && (await hasBetter())) throw blocked(turn, untilTurn)
    if (this.#isProbing) throw blocked(breaker, 1000)
    this.#isProbing = true
    try {
      await this.#storage.setBreaker({ ...breaker, until: now + PROBE_TIME, pause: PROBE_TIME })
    } catch (error) {
      this.#isProbing = false
      throw error
    }
    return 'probe'
  }

  /** Between two requests of one call: others may have tripped it meanwhile. */
  async check(pass: Pass): Promise<void> {
    if (pass === 'probe') return
    const breaker = await this.state()
    if (breaker !== null) throw blocked(breaker, timeLeft(breaker, this.#now()))
  }

  /** For as long as CAPI asks for, and an hour at least. */
  async trip(error: unknown): Promise<Breaker> {
    this.#isProbing = false
    const pause = Math.max(FORBIDDEN_PAUSE, retryAfterOf(error))
    const breaker = { until: this.#now() + pause, pause, message: messageOf(error) }
    await this.#storage.setBreaker(breaker)
    return breaker
  }

  /** CAPI has answered the probe well. False where another request was refused meanwhile, which counts for more. */
  async succeed(): Promise<boolean> {
    if (!this.#isProbing) return false
    await this.reset()
    return true
  }

  async reset(): Promise<void> {
    this.#isProbing = false
    await this.#storage.setBreaker(null)
  }

  /** Where the probe has shown nothing, the next request is another one. */
  async giveUp(): Promise<void> {
    if (!this.#isProbing) return
    this.#isProbing = false
    const breaker = await this.#storage.breaker()
    if (breaker !== null) await this.#storage.setBreaker({ ...breaker, until: this.#now(), pause: 0 })
  }
}

function blocked(breaker: Breaker, retryAfter: number): CapiError {
  const until = new Date(breaker.until).toISOString()
  const message = `All requests to CAPI pause until ${until}: ${breaker.message}`
  return new CapiError('ERR_CSB_CAPI_BLOCKED', message, { retryAfter, reason: breaker.message })
}
