/** CAPI's limit on logins (free accounts): more than 20 in 50 minutes from one address, and an hour of 403 follows. */

const budget = 20
const windowMs = 50 * 60_000
const penaltyMs = 60 * 60_000

export class LoginThrottle {
  /** Unix milliseconds of the logins of the last 50 minutes, by address. */
  readonly #logins = new Map<string, number[]>()
  readonly #penaltyEnds = new Map<string, number>()

  /** Counts a login, whether it is going to succeed or not. True where the address must not log in now. */
  login(address: string, now: number): boolean {
    if (this.isPenalised(address, now)) return true
    const recent = (this.#logins.get(address) ?? []).filter((at) => at > now - windowMs)
    recent.push(now)
    this.#logins.set(address, recent)
    if (recent.length <= budget) return false
    this.#penaltyEnds.set(address, now + penaltyMs)
    this.#logins.delete(address)
    return true
  }

  isPenalised(address: string, now: number): boolean {
    return now < (this.#penaltyEnds.get(address) ?? Number.NEGATIVE_INFINITY)
  }

  /** Forgets every login and penalty. */
  clear(): void {
    this.#logins.clear()
    this.#penaltyEnds.clear()
  }
}
