/**
 * What the logins of this process show of the address that they come from. CAPI says 403 to wrong credentials and to too many logins
 * alike: where another machine has just logged in, it is not the address.
 */

/** Milliseconds for which a login that worked shows something. */
const PROOF_TIME = 60_000

export interface Refusal {
  /** Another machine has just logged in: it is not the address that is refused. */
  readonly isProven: boolean
  /** The login before was refused, too, and nothing worked since. */
  readonly isInARow: boolean
}

export class LoginProof {
  readonly #now: () => number
  /** When machines logged in since the last refusal. */
  readonly #logins = new Map<string, number>()
  #isRefused = false

  constructor(now: () => number) {
    this.#now = now
  }

  /** A login worked. */
  loggedIn(machineId: string): void {
    for (const [one, at] of this.#logins) if (!this.#isFresh(at)) this.#logins.delete(one)
    this.#logins.set(machineId, this.#now())
    this.#isRefused = false
  }

  /** A request with a token worked. */
  answered(): void {
    this.#isRefused = false
  }

  /** A login was refused. */
  judge(machineId: string): Refusal {
    const isProven = [...this.#logins].some(([other, at]) => other !== machineId && this.#isFresh(at))
    const isInARow = this.#isRefused
    this.#logins.clear()
    this.#isRefused = true
    return { isProven, isInARow }
  }

  #isFresh(at: number): boolean {
    const age = this.#now() - at
    return age >= 0 && age < PROOF_TIME
  }
}
