/**
 * Makes machines known to CAPI and gets their tokens: credentials are stored before CAPI hears of them, registered where that is
 * due, and confirmed by a login. One login at a time for a machine.
 */

import { BouncerError } from '../../errors.js'
import { unlessAborted } from '../../http/unless-aborted.js'
import type { CapiApi } from '../api/capi-api.js'
import { CapiError } from '../capi-error.js'
import type { Pass } from './capi-breaker.js'
import type { LoginBudget } from './login-budget.js'
import type { MachineTally } from './machine-counts.js'
import type { MachineStandings } from './machine-standings.js'
import type { MachineRecord, MachineStorage } from './machine-storage.js'
import { generatePassword } from './password.js'
import { outcomeOf } from './standing.js'

export interface MachineLoginOptions {
  readonly api: Pick<CapiApi, 'target' | 'register' | 'login'>
  readonly storage: Pick<MachineStorage, 'add' | 'addFirst' | 'get' | 'update'>
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
}

export class MachineLogin {
  readonly #options: MachineLoginOptions
  readonly #underWay = new Map<string, Promise<string>>()
  /** Machines that CAPI has accepted as new from this process, which makes a refused login no sign of another owner. */
  readonly #registered = new Set<string>()
  readonly #closing = new AbortController()

  constructor(options: MachineLoginOptions) {
    this.#options = options
  }

  /**
   * The stored machine; it is stored where it is new, with a password of its own where none is given. Throws `ERR_CSB_CONFIG` where
   * another CAPI has confirmed it, unless whoever asks knows its password, and `ERR_CSB_STATE` where that is not the stored one.
   */
  async known(machineId: string, password?: string): Promise<MachineRecord> {
    const { storage, api } = this.#options
    const machine = await this.#stored(machineId, password)
    if (password !== undefined && machine.password !== password) {
      const message = `Machine ${machineId} is stored with another password; remove it first if this one is right`
      throw new BouncerError('ERR_CSB_STATE', message)
    }
    if (machine.api === null || machine.api === api.target) return machine
    if (password === undefined) throw elsewhere(machineId, machine.api, api.target)
    // To be registered there: where it is the same CAPI, that answers "already registered", and the login shows that it is ours.
    const moved = { api: null, token: null, tokenExpiresAt: null }
    await storage.update(machineId, moved)
    return { ...machine, ...moved }
  }

  async #stored(machineId: string, password: string | undefined): Promise<MachineRecord> {
    const { storage, now } = this.#options
    const stored = await storage.get(machineId)
    if (stored !== null) return stored
    const machine = newMachine(machineId, password, now())
    if (await storage.add(machine)) return machine
    const other = await storage.get(machineId) // another process was faster
    if (other !== null) return other
    throw new BouncerError('ERR_CSB_STORAGE', `The storage neither takes machine ${machineId} nor has it`)
  }

  /** Stores a machine where there is none at all. */
  async addFirst(machineId: string): Promise<void> {
    const { storage, now } = this.#options
    await storage.addFirst(newMachine(machineId, undefined, now()))
  }

  /** A good token. A login goes on when its caller gives up: others wait for it, and it is dear. */
  async token(machineId: string, pass: Pass, signal: AbortSignal): Promise<string> {
    const machine = await this.known(machineId)
    if (this.#hasGoodToken(machine)) return machine.token
    const token = await unlessAborted(this.#login(machineId, pass), signal)
    await this.#options.standings.check(machineId, pass)
    return token
  }

  /** Forgets a token, unless there is another one by now. */
  async drop(machineId: string, token: string): Promise<void> {
    const { storage } = this.#options
    if ((await storage.get(machineId))?.token !== token) return
    await storage.update(machineId, { token: null, tokenExpiresAt: null })
  }

  /** The machine is removed; should it come back, nothing is known of it. */
  forget(machineId: string): void {
    this.#registered.delete(machineId)
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(new BouncerError('ERR_CSB_STATE', 'The machines are closed'))
    await Promise.allSettled(this.#underWay.values())
  }

  #hasGoodToken(machine: MachineRecord): machine is MachineRecord & { readonly token: string } {
    const { now, latencyOffset, scenarios } = this.#options
    const { token, tokenExpiresAt } = machine
    if (token === null || (tokenExpiresAt !== null && now() + latencyOffset >= tokenExpiresAt)) return false
    const given = new Set(machine.scenarios)
    return given.size === scenarios.length && scenarios.every((name) => given.has(name))
  }

  #login(machineId: string, pass: Pass): Promise<string> {
    const underWay = this.#underWay.get(machineId)
    if (underWay !== undefined) return underWay
    const login = this.#obtain(machineId, pass).finally(() => this.#underWay.delete(machineId))
    login.catch(() => {}) // everybody who asked for it may have given up
    this.#underWay.set(machineId, login)
    return login
  }

  async #obtain(machineId: string, pass: Pass): Promise<string> {
    const { api, storage, standings, budget, scenarios, deadline, tally } = this.#options
    const signal = this.#closing.signal
    const machine = await this.known(machineId)
    if (this.#hasGoodToken(machine)) return machine.token // another login has ended meanwhile, of this process or another
    await standings.check(machineId, pass)
    await this.#withinBudget(() => budget.check())
    const isNew = machine.api === null && !this.#registered.has(machineId)
    const id = isNew ? await this.#register(machine, pass) : 'ours'
    await this.#withinBudget(() => budget.take())
    const { token, expiresAt } = await api
      .login({ machineId, password: machine.password, scenarios, deadline, signal })
      .catch((error: unknown) => this.#failLogin(machineId, error, pass, id))
    tally.logins.ok++
    await storage.update(machineId, {
      api: api.target,
      token,
      tokenExpiresAt: this.#believable(expiresAt),
      scenarios,
    })
    return token
  }

  /** `taken`: CAPI knows the id, perhaps from an earlier try of ours whose answer was lost. */
  async #register({ machineId, password }: MachineRecord, pass: Pass): Promise<'ours' | 'taken'> {
    const { api, standings, deadline, tally } = this.#options
    try {
      await api.register({ machineId, password, deadline, signal: this.#closing.signal })
    } catch (error) {
      if (error instanceof CapiError && error.code === 'ERR_CSB_CAPI_REGISTERED') return 'taken'
      await standings.noteLoginFailure(machineId, error, pass)
      throw error
    }
    this.#registered.add(machineId)
    tally.registrations++
    return 'ours'
  }

  async #failLogin(machineId: string, error: unknown, pass: Pass, id: 'ours' | 'taken'): Promise<never> {
    const outcome = outcomeOf(error)
    const isRefused = outcome === 'unauthorized' || outcome === 'forbidden'
    const isBad = error instanceof CapiError && error.status === 400
    this.#options.tally.logins[isRefused || isBad ? 'refused' : 'failed']++
    const { standings } = this.#options
    if (isRefused && id === 'taken') {
      const told = registeredElsewhere(machineId, error)
      await standings.noteTaken(machineId, told)
      throw told
    }
    await standings.noteLoginFailure(machineId, error, pass)
    throw error
  }

  async #withinBudget(ask: () => void | Promise<void>): Promise<void> {
    try {
      await ask()
    } catch (error) {
      if (error instanceof CapiError) this.#options.tally.logins['over budget']++
      throw error
    }
  }

  /** A token that is over when it comes shows that our clock is wrong: by it every request would need another login. */
  #believable(expiresAt: number | null): number | null {
    const { now, latencyOffset } = this.#options
    if (expiresAt === null || now() + latencyOffset >= expiresAt) return null
    return Math.min(Math.floor(expiresAt), Number.MAX_SAFE_INTEGER) // a storage keeps whole numbers
  }
}

function registeredElsewhere(machineId: string, cause: unknown): CapiError {
  const message =
    `CAPI knows machine ${machineId} with another password than the stored one: choose another machine id, or remove the` +
    ' machine and add it with the password that it was registered with'
  const status = cause instanceof CapiError ? (cause.status ?? undefined) : undefined
  return new CapiError('ERR_CSB_CAPI_REGISTERED', message, { status, cause })
}

/** A password that one CAPI has given is none of the others' business, and would end in a 403 and a pause of an hour. */
function elsewhere(machineId: string, confirmedBy: string, asked: string): BouncerError {
  const message =
    `Machine ${machineId} is registered with ${confirmedBy}, and ${asked} is asked: give each CAPI a storage of its own, or, if` +
    ' this is another way to the same one, add the machine again with its password'
  return new BouncerError('ERR_CSB_CONFIG', message)
}

/** CAPI has not heard of it. */
function newMachine(machineId: string, password: string | undefined, createdAt: number): MachineRecord {
  return {
    machineId,
    password: password ?? generatePassword(),
    api: null,
    token: null,
    tokenExpiresAt: null,
    scenarios: [],
    standing: { state: 'active' },
    createdAt,
  }
}
