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
  /** `until`: Unix milliseconds when it is tried again by itself, `pause` as above; both null where only `unblock` helps. */
  | {
      readonly state: 'blocked'
      readonly reason: BlockReason
      readonly until: number | null
      readonly pause: number | null
      readonly message: string
    }

export interface MachineRecord {
  readonly machineId: string
  readonly password: string
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

export interface MachineStorage {
  get(machineId: string): Promise<MachineRecord | null>
  /** All, the oldest first. */
  list(): Promise<readonly MachineRecord[]>
  /** Adds a machine; false, and nothing changed, where the id is known: a password that CAPI may know is never overwritten. */
  add(machine: MachineRecord): Promise<boolean>
  /** Adds a machine where there is none at all; false where there is one. In one step, so that of many processes one adds its own. */
  addFirst(machine: MachineRecord): Promise<boolean>
  /** Changes the given fields and no others. */
  update(machineId: string, changes: Partial<Omit<MachineRecord, 'machineId'>>): Promise<void>
  remove(machineIds: readonly string[]): Promise<void>
  /**
   * Takes one login out of the budget, if fewer than `budget` were taken in the last `window` milliseconds before `now`. In one
   * step, so that two processes cannot take the same one. Returns 0, or the milliseconds until the next one is free. One
   * that lies further ahead than the window counts no more: the clock was set back since.
   */
  takeLogin(now: number, window: number, budget: number): Promise<number>
  breaker(): Promise<Breaker | null>
  setBreaker(breaker: Breaker | null): Promise<void>
}
