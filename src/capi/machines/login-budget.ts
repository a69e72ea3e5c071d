/** How many logins may go out: all processes on one storage together, and this one by a clock that nobody sets. */

import { randomUUID } from 'node:crypto'
import type { MonotonicClock } from '../../decisions/clock.js'
import { CapiError } from '../capi-error.js'
import type { LoginPermit, MachineStorage } from './machine-storage.js'

/** CAPI's own is 50 minutes: more than 20 logins in it from one address, and it answers 403 for an hour. One more for the way there. */
const LOGIN_WINDOW = 51 * 60 * 1000

/** Two of the 20 are left to a CrowdSec engine behind the same address, and to clocks that do not agree with CAPI's. */
export const DEFAULT_LOGIN_BUDGET = 18

export interface LoginBudgetOptions {
  readonly storage: Pick<MachineStorage, 'takeLogin' | 'endLogin'>
  /** Logins in 50 minutes; may be Infinity. */
  readonly budget: number
  readonly now: () => number
  readonly clock: MonotonicClock
}

/** A login that may go out. */
export interface TakenLogin {
  /** To be told right before it goes out, and again where it turns out that it could not. */
  wentOut: boolean
  /** Others need not wait any longer. What never went out is given back. Never rejects. */
  end(): Promise<void>
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

  /**
   * Null while another process logs in for the machine. `lease`: milliseconds after which others may, where nobody tells that it
   * has ended. Throws `ERR_CSB_CAPI_BUDGET`.
   */
  async take(machineId: string, lease: number): Promise<TakenLogin | null> {
    this.#check()
    const { storage, budget, now, clock } = this.#options
    // Noted before the storage answers: of two logins at once both must see the other one.
    const time = clock()
    this.#taken.push(time)
    const owner = randomUUID()
    const from = now()
    let permit: LoginPermit | null = null
    try {
      const claim = { owner, machineId, from, until: from + lease }
      permit = await storage.takeLogin(claim, { budget, window: LOGIN_WINDOW })
    } finally {
      if (permit !== 'taken') this.#forget(time)
    }
    if (permit === 'taken') {
      const login: TakenLogin = { wentOut: false, end: () => this.#end(owner, time, login.wentOut) }
      return login
    }
    if (permit === 'under way') return null
    const wait = Math.min(permit.freeIn, LOGIN_WINDOW)
    this.#noneUntil = clock() + wait
    throw this.#noneFree(wait)
  }

  /** Throws where it is known without asking that none is free. */
  #check(): void {
    const { budget, clock } = this.#options
    const time = clock()
    this.#taken = this.#taken.filter((at) => at > time - LOGIN_WINDOW)
    const oldest = this.#taken.at(-budget)
    const ownWait = oldest === undefined ? 0 : oldest + LOGIN_WINDOW - time
    const wait = Math.max(ownWait, this.#noneUntil - time)
    if (wait > 0) throw this.#noneFree(wait)
  }

  async #end(owner: string, taken: number, wentOut: boolean): Promise<void> {
    const { storage, budget, now, clock } = this.#options
    const counts = wentOut && Number.isFinite(budget)
    this.#forget(taken)
    // CAPI has counted it at some time between then and now.
    if (counts) this.#taken.push(clock())
    else this.#noneUntil = Number.NEGATIVE_INFINITY
    // What cannot be told counts, and holds the machine until the lease is over.
    await storage.endLogin(owner, counts ? now() : null).catch(() => {})
  }

  #forget(taken: number): void {
    const index = this.#taken.indexOf(taken)
    if (index >= 0) this.#taken.splice(index, 1)
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
