/** Where machines are remembered: who we are to CAPI, the token, and how we stand. Survives restarts and is shared by processes. */

/** Why no request goes out for a machine until somebody looks at it, or until the pause is over. */
export type BlockReason =
  /** CAPI answered 403: wrong credentials or too many logins, which it does not tell apart. */
  | 'forbidden'
  /** CAPI knows the machine id with another password. */
  | 'registered elsewhere'
  /** CAPI will not have this machine id or these scenarios (400). */
  | 'refused'

export type Standing =
  | { readonly state: 'active' }
  /** `until`: Unix milliseconds of the next try. `pause`: how many milliseconds that was ahead when it was set. */
  | {
      readonly state: 'backing off'
      readonly until: number
      readonly pause: number
      readonly failures: number
      readonly message: string
    }
  /**
   * `until`: Unix milliseconds when it is tried again by itself, `pause` as above; both null where only `unblock` helps.
   * `isRepeated`: it was refused before, and has not worked since.
   */
  | {
      readonly state: 'blocked'
      readonly reason: BlockReason
      readonly until: number | null
      readonly pause: number | null
      readonly isRepeated?: boolean
      readonly message: string
    }

export interface MachineRecord {
  readonly machineId: string
  readonly password: string
  /** The password is the user's: CAPI may know the machine although we never registered it. */
  readonly isGiven: boolean
  /**
   * The base URL of the CAPI that confirmed it by a login: no other one is told its password or token. Null before, when CAPI may or
   * may not have heard of it.
   */
  readonly api: string | null
  readonly token: string | null
  /** Unix milliseconds; null where there is no token or it does not say. */
  readonly tokenExpiresAt: number | null
  /** Those that the token was given for, sorted. */
  readonly scenarios: readonly string[]
  readonly standing: Standing
  /** Unix milliseconds. */
  readonly createdAt: number
}

/** Why nobody on this storage may talk to CAPI now. CAPI counts logins by address, so that all machines share the pause. */
export interface Breaker {
  /** Unix milliseconds. */
  readonly until: number
  /** Milliseconds that `until` was ahead when it was set: one that lies further ahead shows that the clock was set back. */
  readonly pause: number
  readonly message: string
}

/** That one process logs in for a machine, and all others wait for what comes of it. */
export interface LoginClaim {
  /** A text that no other claim has. */
  readonly owner: string
  readonly machineId: string
  /** Unix milliseconds: when it was made, and when another process may take the machine over. */
  readonly from: number
  readonly until: number
}

export interface LoginLimit {
  /** Logins of all machines in `window` milliseconds; may be Infinity. */
  readonly budget: number
  readonly window: number
}

/** `under way`: another process logs in for this machine. `freeIn`: milliseconds until the budget has a login. */
export type LoginPermit = 'taken' | 'under way' | { readonly freeIn: number }

export interface MachineStorage {
  get(machineId: string): Promise<MachineRecord | null>
  /** All, the oldest first. */
  list(): Promise<readonly MachineRecord[]>
  /** Adds a machine; false, and nothing changed, where the id is known. */
  add(machine: MachineRecord): Promise<boolean>
  /** Adds a machine where there is none at all; false where there is one. In one step, so that of many processes one adds its own. */
  addFirst(machine: MachineRecord): Promise<boolean>
  /** Changes the given fields and no others. */
  update(machineId: string, changes: Partial<Omit<MachineRecord, 'machineId'>>): Promise<void>
  remove(machineIds: readonly string[]): Promise<void>
  /**
   * Takes one login out of the budget, if nobody holds a claim on the machine and fewer than `budget` were taken in the `window`
   * before `claim.from`. In one step, so that two processes cannot take the same one. A login that lies further ahead than the
   * window counts no more: the clock was set back since.
   */
  takeLogin(claim: LoginClaim, limit: LoginLimit): Promise<LoginPermit>
  /** The claim is over. The login counts from `at`, Unix milliseconds; null: it never went out and is given back. */
  endLogin(owner: string, at: number | null): Promise<void>
  breaker(): Promise<Breaker | null>
  setBreaker(breaker: Breaker | null): Promise<void>
}
