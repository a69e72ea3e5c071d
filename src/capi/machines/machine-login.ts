/**
 * Gets tokens for machines: registered where that is due, and confirmed by a login. One login at a time for a machine, over all
 * processes on its storage.
 */

import { BouncerError } from '../../errors.js'
import type { PauseFor } from '../../http/pause.js'
import { unlessAborted } from '../../http/unless-aborted.js'
import type { CapiApi } from '../api/capi-api.js'
import { believableExpiry } from '../api/token.js'
import { CapiError } from '../capi-error.js'
import type { Pass } from './capi-breaker.js'
import type { LoginBudget, TakenLogin } from './login-budget.js'
import type { MachineTally } from './machine-counts.js'
import type { MachineCredentials } from './machine-credentials.js'
import type { MachineStandings } from './machine-standings.js'
import type { MachineRecord, MachineStorage } from './machine-storage.js'
import { outcomeOf } from './standing.js'

export interface MachineLoginOptions {
  readonly api: Pick<CapiApi, 'target' | 'register' | 'login'>
  readonly storage: Pick<MachineStorage, 'update'>
  readonly credentials: Pick<MachineCredentials, 'known'>
  readonly standings: MachineStandings
  readonly budget: LoginBudget
  /** Sorted, without duplicates. */
  readonly scenarios: readonly string[]
  /** Milliseconds that a token must still live. */
  readonly latencyOffset: number
  /** Milliseconds for one exchange. */
  readonly deadline: number
  readonly tally: MachineTally
  readonly now: () => number
  /** Between two looks at a login of another process. */
  readonly pause: PauseFor
}

/** Milliseconds between two looks at a login of another process. */
const FIRST_LOOK = 50
const LONGEST_LOOK = 1000

/**
 * What a registration shows of a login that is refused then. `ours`: CAPI has taken the id from us. `taken`: it knows the id,
 * perhaps from an earlier try of ours whose answer was lost. `unknown`: it said neither.
 */
type Registration = 'ours' | 'taken' | 'unknown'

export class MachineLogin {
  readonly #options: MachineLoginOptions
  readonly #underWay = new Map<string, Promise<string>>()
  /** By machine the password with which this process has registered it, which makes a refused login no sign of another owner. */
  readonly #registered = new Map<string, string>()
  readonly #closing = new AbortController()

  constructor(options: MachineLoginOptions) {
    this.#options = options
  }

  /**
   * A good token, other than the one that CAPI has just refused; that one stays until there is another. A login goes on when its
   * caller gives up: others wait for it, and it is dear.
   */
  async token(machineId: string, pass: Pass, signal: AbortSignal, refused: string | null = null): Promise<string> {
    const machine = await this.#options.credentials.known(machineId)
    if (this.#hasGoodToken(machine, refused)) return machine.token
    const token = await unlessAborted(this.#login(machineId, pass, refused), signal)
    await this.#options.standings.check(machineId, pass)
    return token
  }

  /** Null where it would take a login. */
  tokenInHand(machine: MachineRecord): string | null {
    return machine.api === this.#options.api.target && this.#hasGoodToken(machine, null) ? machine.token : null
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(new BouncerError('ERR_CSB_STATE', 'The machines are closed'))
    await Promise.allSettled(this.#underWay.values())
  }

  #hasGoodToken(machine: MachineRecord, refused: string | null): machine is MachineRecord & { readonly token: string } {
    const { now, latencyOffset, scenarios } = this.#options
    const { token, tokenExpiresAt } = machine
    if (token === null || token === refused) return false
    if (tokenExpiresAt !== null && now() + latencyOffset >= tokenExpiresAt) return false
    const given = new Set(machine.scenarios)
    return given.size === scenarios.length && scenarios.every((name) => given.has(name))
  }

  #login(machineId: string, pass: Pass, refused: string | null): Promise<string> {
    const underWay = this.#underWay.get(machineId)
    if (underWay !== undefined) return underWay
    const login = this.#obtain(machineId, pass, refused).finally(() => this.#underWay.delete(machineId))
    login.catch(() => {}) // everybody who asked for it may have given up
    this.#underWay.set(machineId, login)
    return login
  }

  /** Waits for another process that logs in for the same machine, and takes its token. */
  async #obtain(machineId: string, pass: Pass, refused: string | null): Promise<string> {
    const { credentials, standings, budget, deadline, tally, pause } = this.#options
    const signal = this.#closing.signal
    for (let wait = FIRST_LOOK; ; wait = Math.min(2 * wait, LONGEST_LOOK)) {
      signal.throwIfAborted()
      const machine = await credentials.known(machineId)
      if (this.#hasGoodToken(machine, refused)) return machine.token
      await standings.check(machineId, pass)
      const lease = this.#isNew(machine) ? 2 * deadline : deadline
      const login = await budget.take(machineId, lease).catch((error: unknown) => {
        if (error instanceof CapiError) tally.logins['over budget']++
        throw error
      })
      if (login === null) await pause(wait, signal)
      else return this.#obtainBy(login, machineId, pass, refused).finally(() => login.end())
    }
  }

  async #obtainBy(login: TakenLogin, machineId: string, pass: Pass, refused: string | null): Promise<string> {
    const { api, storage, credentials, standings, scenarios, deadline, tally } = this.#options
    const machine = await credentials.known(machineId)
    if (this.#hasGoodToken(machine, refused)) return machine.token // another login has ended meanwhile
    await standings.check(machineId, pass)
    const registration = this.#isNew(machine) ? await this.#register(machine, pass) : 'ours'
    login.wentOut = true
    const { password } = machine
    const { token, expiresAt } = await api
      .login({ machineId, password, scenarios, deadline, signal: this.#closing.signal })
      .catch((error: unknown) => {
        login.wentOut = !isUnsent(error)
        return this.#failLogin(machineId, error, pass, registration)
      })
    tally.logins.ok++
    standings.noteLogin(machineId)
    const tokenExpiresAt = this.#believable(expiresAt)
    await storage.update(machineId, { api: api.target, token, tokenExpiresAt, scenarios })
    return token
  }

  #isNew({ machineId, password, api }: MachineRecord): boolean {
    return api === null && this.#registered.get(machineId) !== password
  }

  async #register({ machineId, password, isGiven }: MachineRecord, pass: Pass): Promise<Registration> {
    const { api, standings, deadline, tally } = this.#options
    try {
      await api.register({ machineId, password, deadline, signal: this.#closing.signal })
    } catch (error) {
      if (error instanceof CapiError && error.code === 'ERR_CSB_CAPI_REGISTERED') return 'taken'
      // Who gave us the password may have registered it long ago: then only a login shows whether it is right.
      if (isGiven && isAnswer(error)) return 'unknown'
      throw await standings.noteLoginFailure(machineId, error, pass)
    }
    this.#registered.set(machineId, password)
    tally.registrations++
    return 'ours'
  }

  async #failLogin(machineId: string, error: unknown, pass: Pass, registration: Registration): Promise<never> {
    const { standings, tally } = this.#options
    const outcome = outcomeOf(error)
    const isRefused = outcome === 'unauthorized' || outcome === 'forbidden'
    const isBad = error instanceof CapiError && error.status === 400 && outcome === 'well'
    tally.logins[isRefused || isBad ? 'refused' : 'failed']++
    const ifTaken = registration === 'taken' && isRefused ? registeredElsewhere(machineId, error) : null
    throw await standings.noteLoginFailure(machineId, error, pass, ifTaken)
  }

  /** A token that is over when it comes shows that our clock is wrong: by it every request would need another login. */
  #believable(expiresAt: number | null): number | null {
    const { now, latencyOffset } = this.#options
    const expiry = believableExpiry(expiresAt, now())
    return expiry === null || now() + latencyOffset >= expiry ? null : Math.floor(expiry) // a storage keeps whole numbers
  }
}

/** No connection was made, so that CAPI has counted nothing. */
function isUnsent(error: unknown): boolean {
  return error instanceof BouncerError && error.code === 'ERR_CSB_CONNECT'
}

/** CAPI has looked at the request and will not have it. 500 is what it also says of an id that is taken. */
function isAnswer(error: unknown): boolean {
  const outcome = outcomeOf(error)
  if (outcome === 'well' || outcome === 'unauthorized' || outcome === 'forbidden') return true
  return error instanceof CapiError && error.code === 'ERR_CSB_CAPI_STATUS' && error.status === 500
}

function registeredElsewhere(machineId: string, cause: unknown): CapiError {
  const message =
    `CAPI knows machine ${machineId} with another password than the stored one: choose another machine id, or add the machine` +
    ' again with the password that it was registered with'
  const status = cause instanceof CapiError ? (cause.status ?? undefined) : undefined
  return new CapiError('ERR_CSB_CAPI_REGISTERED', message, { status, cause })
}
