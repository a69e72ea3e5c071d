/**
 * The machines that talk to CAPI: credentials that are never lost, tokens that are kept while they are good, and pauses where CAPI
 * wants none of us.
 */

import { type MonotonicClock, processClock } from '../../decisions/clock.js'
import { type PauseFor, pauseFor } from '../../http/pause.js'
import { type Logger, silentLogger } from '../../logger.js'
import type { CapiApi } from '../api/capi-api.js'
import type { EnrollAnswer, EnrollRequest } from '../api/capi-calls.js'
import type { Pass } from './capi-breaker.js'
import { DEFAULT_LOGIN_BUDGET, LoginBudget } from './login-budget.js'
import { type MachineCounts, MachineTally } from './machine-counts.js'
import { MachineCredentials } from './machine-credentials.js'
import { MachineLogin } from './machine-login.js'
import { MachineStandings } from './machine-standings.js'
import type { Breaker, MachineRecord, MachineStorage, Standing } from './machine-storage.js'
import { requirePassword } from './password.js'
import { outcomeOf } from './standing.js'

/** What of the machines others work with. */
export interface TokenHolder {
  /**
   * Runs one authenticated request for a machine: registers it where it is new, logs in where there is no good token, once more
   * after a 401, and waits for a login already under way. Throws `CapiError`: what the request threw, `ERR_CSB_CAPI_BLOCKED`
   * while the machine or all of them pause, `ERR_CSB_CAPI_BUDGET` where no login is free. Never waits for a pause to end.
   */
  withToken<Result>(
    machineId: string,
    signal: AbortSignal,
    request: (token: string) => Promise<Result>,
  ): Promise<Result>
}

/** Milliseconds: the most that a pause after trouble lasts, unless CAPI asks for more. */
const LONGEST_PAUSE = 900_000

export interface MachinesOptions {
  readonly api: Pick<CapiApi, 'target' | 'register' | 'login' | 'enroll'>
  readonly storage: MachineStorage
  /** What every machine reports; a token that was given for others is not used. */
  readonly scenarios: readonly string[]
  /** Milliseconds for one registration, login or enrollment. */
  readonly deadline: number
  /** Milliseconds that a token must still live to be used. Default 10 s. */
  readonly latencyOffset?: number
  /** Logins in 50 minutes, of all machines and processes on the storage. Default 18: CAPI allows an address 20, unless it pays. */
  readonly loginBudget?: number | 'unlimited'
  /** Milliseconds: the most that the first pause after trouble lasts. It doubles with each further failure, up to 15 min. Default 1 s. */
  readonly firstPause?: number
  readonly logger?: Logger
  /** Unix milliseconds; may jump. Default `Date.now`. */
  readonly now?: () => number
  /** For the budget, beside `now`. Default the process's own; where only `now` is given, `now`. */
  readonly clock?: MonotonicClock
  /** From 0 to 1. Default `Math.random`. */
  readonly random?: () => number
  /** Between two looks at a login of another process. Default one that keeps the process alive. */
  readonly pause?: PauseFor
}

/** A machine without its secrets. */
export interface MachineState {
  readonly machineId: string
  /** `pending`: CAPI may or may not have heard of it. `confirmed`: a login worked. */
  readonly registration: 'pending' | 'confirmed'
  /** The base URL of the CAPI that confirmed it; null before. */
  readonly api: string | null
  /** `until` may have passed: then the next request is the try. */
  readonly standing: Standing
  readonly token: 'none' | 'kept'
  /** Unix milliseconds; null where there is no token, or it is used until CAPI refuses it. */
  readonly tokenExpiresAt: number | null
  /** Those that the token was given for. */
  readonly scenarios: readonly string[]
  /** Unix milliseconds. */
  readonly createdAt: number
}

export class Machines implements TokenHolder {
  readonly #options: MachinesOptions
  readonly #credentials: MachineCredentials
  readonly #standings: MachineStandings
  readonly #login: MachineLogin
  readonly #tally = new MachineTally()

  constructor(options: MachinesOptions) {
    this.#options = options
    const { api, storage, deadline, latencyOffset = 10_000, loginBudget = DEFAULT_LOGIN_BUDGET } = options
    const { logger = silentLogger, now = Date.now, random = Math.random, pause = pauseFor } = options
    const clock = options.clock ?? options.now ?? processClock
    const backoff = { first: options.firstPause ?? 1000, longest: LONGEST_PAUSE, random }
    const tally = this.#tally
    const scenarios = [...new Set(options.scenarios)].sort()
    const most = loginBudget === 'unlimited' ? Number.POSITIVE_INFINITY : loginBudget
    const budget = new LoginBudget({ storage, budget: most, now, clock })
    const standings = new MachineStandings({ storage, backoff, tally, logger, now })
    const credentials = new MachineCredentials({ target: api.target, storage, now })
    const login = { latencyOffset, deadline, scenarios, tally, now, pause }
    this.#standings = standings
    this.#credentials = credentials
    this.#login = new MachineLogin({ api, storage, credentials, standings, budget, ...login })
  }

  get counts(): MachineCounts {
    return this.#tally
  }

  /** The pause of all machines; null where there is none. */
  breaker(): Promise<Breaker | null> {
    return this.#standings.breaker()
  }

  /** All, the oldest first. */
  async list(): Promise<readonly MachineState[]> {
    return (await this.#options.storage.list()).map(stateOf)
  }

  /** Null for a machine that is not known. */
  async standing(machineId: string): Promise<Standing | null> {
    return (await this.#options.storage.get(machineId))?.standing ?? null
  }

  /**
   * Stores a machine; CAPI hears of it with the first request. With the password of one that is registered already, or with a new
   * one. A password that is given takes the place of the stored one if no login has worked with that, or the machine is blocked,
   * which it is no longer then; else `ERR_CSB_STATE`. Throws `ERR_CSB_CONFIG` where another CAPI has confirmed it, unless its
   * password is given: that one may be the same by another way.
   */
  async add(machineId: string, password?: string): Promise<MachineState> {
    const credentials = this.#credentials
    if (password === undefined) return stateOf(await credentials.known(machineId))
    return stateOf(await credentials.give(machineId, requirePassword(password)))
  }

  /** Stores a machine where there is none at all: of processes that begin together, one adds its own, and all find that one. */
  addFirst(machineId: string): Promise<void> {
    return this.#credentials.addFirst(machineId)
  }

  /** Forgets a machine, its password and its token. CAPI is not told: it has no call for that. */
  async remove(machineId: string): Promise<void> {
    await this.#options.storage.remove([machineId])
  }

  async withToken<Result>(
    machineId: string,
    signal: AbortSignal,
    request: (token: string) => Promise<Result>,
  ): Promise<Result> {
    return this.#enter(machineId, signal, (pass) => this.#ask(machineId, pass, signal, request))
  }

  /** A good token, for which CAPI is asked nothing; null where there is none, or while the machine or all of them pause. */
  async tokenInHand(machineId: string): Promise<string | null> {
    const machine = await this.#options.storage.get(machineId)
    if (machine?.standing.state !== 'active' || (await this.breaker()) !== null) return null
    return this.#login.tokenInHand(machine)
  }

  /** Registers a machine where it is new, and logs in where there is no good token. Throws what `withToken` throws. */
  async login(machineId: string, signal: AbortSignal): Promise<void> {
    await this.#enter(machineId, signal, async (pass) => {
      const before = (await this.#options.storage.get(machineId))?.token
      const token = await this.#login.token(machineId, pass, signal)
      // A token that was there already shows nothing of how CAPI answers.
      if (token !== before) await this.#standings.noteSuccess(machineId, pass)
    })
  }

  /** Puts a machine into the account of the attachment key. Throws `ERR_CSB_CAPI_ENROLL` for a wrong key, and what `withToken` throws. */
  enroll(
    machineId: string,
    { attachmentKey, name, tags, overwrite }: Omit<EnrollRequest, 'deadline' | 'signal'>,
    signal: AbortSignal,
  ): Promise<EnrollAnswer> {
    const { api, deadline } = this.#options
    return this.withToken(machineId, signal, (token) =>
      api.enroll(token, { attachmentKey, name, tags, overwrite, deadline, signal }),
    )
  }

  /** Lets a machine, or all of them, ask CAPI at once, and lifts the pause of all. Returns how many machines were held back. */
  unblock(machineId?: string): Promise<number> {
    return this.#standings.unblock(machineId)
  }

  /** Gives up logins that are under way. The storage is left open. */
  close(): Promise<void> {
    return this.#login.close()
  }

  async #enter<Result>(machineId: string, signal: AbortSignal, ask: (pass: Pass) => Promise<Result>): Promise<Result> {
    signal.throwIfAborted()
    const pass = await this.#standings.enter(machineId)
    try {
      return await ask(pass)
    } finally {
      await this.#standings.leave(pass)
    }
  }

  async #ask<Result>(
    machineId: string,
    pass: Pass,
    signal: AbortSignal,
    request: (token: string) => Promise<Result>,
  ): Promise<Result> {
    let token = await this.#login.token(machineId, pass, signal)
    try {
      return await this.#answered(machineId, pass, request(token))
    } catch (error) {
      if (signal.aborted) throw error
      if (outcomeOf(error) !== 'unauthorized') {
        await this.#standings.noteFailure(machineId, error, pass)
        throw error
      }
    }
    this.#tally.relogins++
    token = await this.#login.token(machineId, pass, signal, token)
    try {
      return await this.#answered(machineId, pass, request(token))
    } catch (error) {
      if (!signal.aborted) await this.#standings.noteFailure(machineId, error, pass)
      throw error
    }
  }

  async #answered<Result>(machineId: string, pass: Pass, request: Promise<Result>): Promise<Result> {
    const result = await request
    await this.#standings.noteSuccess(machineId, pass)
    return result
  }
}

function stateOf(machine: MachineRecord): MachineState {
  const { machineId, api, standing, token, tokenExpiresAt, scenarios, createdAt } = machine
  return {
    machineId,
    registration: api === null ? 'pending' : 'confirmed',
    api,
    standing,
    token: token === null ? 'none' : 'kept',
    tokenExpiresAt,
    scenarios,
    createdAt,
  }
}
