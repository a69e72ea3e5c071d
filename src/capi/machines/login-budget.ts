/** How many logins may go out: all processes on one storage together, and this one by a clock that nobody sets. */

import type { MonotonicClock } from '../../decisions/clock.js'
import { CapiError } from '../capi-error.js'
import type { MachineStorage } from './machine-storage.js'

/** CAPI's own window. More than 20 logins in it from one address, and it answers 403 for an hour. */
const LOGIN_WINDOW = 50 * 60 * 1000

/** Two of the 20 are left to a CrowdSec engine behind the same address, and to clocks that do not agree with CAPI's. */
export const DEFAULT_LOGIN_BUDGET = 18

export interface LoginBudgetOptions {
  readonly storage: Pick<MachineStorage, 'takeLogin'>
  /** Logins in 50 minutes. */
  readonly budget: number
  readonly now: () => number
  readonly clock: MonotonicClock
}

export class LoginBudget {
  readonly #options: LoginBudgetOptions
  /** When this process took its own, by `clock`: a wall clock that is set forward would forget those of the storage. */
  #taken: number[] = []
  /** By `clock`: until when the storage has none, as far as it is known. */
  #noneUntil = Number.NEGATIVE_INFINITY

  constructor(options: LoginBudgetOptions) {
    this.#options = options
  }

  /** Throws `ERR_CSB_CAPI_BUDGET` where it is known without asking that none is free. */
  check(): void {
    const { budget, clock } = this.#options
    const time = clock()
    this.#taken = this.#taken.filter((at) => at > time - LOGIN_WINDOW)
    const oldest = this.#taken.at(-budget)
    const ownWait = oldest === undefined ? 0 : oldest + LOGIN_WINDOW - time
    const wait = Math.max(ownWait, this.#noneUntil - time)
    if (wait > 0) throw this.#noneFree(wait)
  }

  /** To be called right before a login. Throws `ERR_CSB_CAPI_BUDGET`. */
  async take(): Promise<void> {
    this.check()
    const { storage, budget, now, clock } = this.#options
    // Noted before the storage answers: of two logins at once both must see the other one.
    const time = clock()
    this.#taken.push(time)
    let wait = Number.POSITIVE_INFINITY
    try {
      wait = Math.min(await storage.takeLogin(now(), LOGIN_WINDOW, budget), LOGIN_WINDOW)
    } finally {
      if (wait > 0) this.#taken.splice(this.#taken.indexOf(time), 1)
    }
    if (wait === 0) return
    this.#noneUntil = clock() + wait
    throw this.#noneFree(wait)
  }

  #noneFree(wait: number): CapiError {
    const minutes = Math.ceil(wait / 60_000)
    const reason =
      `No login is left: ${this.#options.budget} went out to CAPI in the last 50 minutes, and it answers 403 for an hour to an` +
      ' address that logs in more than 20 times'
    const message = `${reason}; the next one is free in ${minutes} min`
    return new CapiError('ERR_CSB_CAPI_BUDGET', message, { retryAfter: wait, reason })
  }
}
