/** Keeps how each machine stands, and the pause of all of them: lets a request go ahead or not, and notes what came of it. */

import type { Logger } from '../../logger.js'
import { messageOf } from '../../thrown.js'
import { CapiError } from '../capi-error.js'
import { CapiBreaker, type Pass } from './capi-breaker.js'
import { LoginProof, type Refusal } from './login-proof.js'
import type { MachineTally } from './machine-counts.js'
import type { BlockReason, Breaker, MachineStorage, Standing } from './machine-storage.js'
import {
  ACTIVE,
  type BackoffOptions,
  backOff,
  block,
  forbid,
  outcomeOf,
  recover,
  timeToWait,
  wasForbidden,
} from './standing.js'

export interface MachineStandingsOptions {
  readonly storage: Pick<MachineStorage, 'get' | 'list' | 'update' | 'breaker' | 'setBreaker'>
  readonly backoff: BackoffOptions
  readonly tally: MachineTally
  readonly logger: Logger
  readonly now: () => number
}

interface Change {
  readonly before: Standing
  readonly after: Standing
}

/** A 403 to a login, and what to tell where the password is to blame: CAPI knows the id, and never confirmed it to us. */
interface LoginRefusal extends Refusal {
  readonly ifTaken: CapiError | null
}

/** Of a request with a token. */
const NO_LOGIN: LoginRefusal = { isProven: false, isInARow: false, ifTaken: null }

export class MachineStandings {
  readonly #options: MachineStandingsOptions
  readonly #breaker: CapiBreaker
  /** The end of what is being written: two changes at once must not each overwrite what the other one has read. */
  #written: Promise<unknown> = Promise.resolve()
  readonly #logins: LoginProof

  constructor(options: MachineStandingsOptions) {
    this.#options = options
    this.#breaker = new CapiBreaker(options.storage, options.now)
    this.#logins = new LoginProof(options.now)
  }

  /** Null where nobody is held back. */
  breaker(): Promise<Breaker | null> {
    return this.#breaker.state()
  }

  /** Throws `ERR_CSB_CAPI_BLOCKED`. Each pass must be handed back to `leave`. */
  async enter(machineId: string): Promise<Pass> {
    const standing = await this.#checkMachine(machineId)
    return this.#breaker.admit(async () => wasForbidden(standing) && this.#hasActive())
  }

  /** Throws `ERR_CSB_CAPI_BLOCKED`: while a call waited, another one may have met with a refusal. */
  async check(machineId: string, pass: Pass): Promise<void> {
    await this.#checkMachine(machineId)
    await this.#breaker.check(pass)
  }

  async leave(pass: Pass): Promise<void> {
    if (pass === 'probe') await this.#note(() => this.#breaker.giveUp())
  }

  /** A login worked. */
  noteLogin(machineId: string): void {
    this.#logins.loggedIn(machineId)
  }

  async noteSuccess(machineId: string, pass: Pass): Promise<void> {
    this.#logins.answered()
    await this.#note(async () => {
      await this.#change(machineId, (standing) => recover(standing, this.#options.now()))
      if (pass === 'probe' && (await this.#breaker.succeed())) this.#options.logger.info('CAPI answers again')
    })
  }

  /** An authenticated request failed for good. */
  async noteFailure(machineId: string, error: unknown, pass: Pass): Promise<void> {
    const outcome = outcomeOf(error)
    if (outcome === 'well') await this.noteSuccess(machineId, pass)
    else if (outcome === 'forbidden') await this.#forbid(machineId, error, pass, NO_LOGIN)
    else if (outcome !== 'nothing') await this.#backOff(machineId, error)
  }

  /** A registration or a login failed. Returns what to throw: the error, or `ifTaken` where somebody else has the id. */
  async noteLoginFailure(
    machineId: string,
    error: unknown,
    pass: Pass,
    ifTaken: CapiError | null = null,
  ): Promise<unknown> {
    const outcome = outcomeOf(error)
    if (outcome === 'unauthorized' && ifTaken !== null) {
      await this.#block(machineId, 'registered elsewhere', ifTaken)
      return ifTaken
    }
    // CAPI documents 403 for wrong credentials, a gateway in front of it says 401.
    if (outcome === 'unauthorized' || outcome === 'forbidden') {
      return this.#forbid(machineId, error, pass, { ...this.#logins.judge(machineId), ifTaken })
    }
    if (error instanceof CapiError && error.status === 400 && outcome === 'well') {
      await this.#block(machineId, 'refused', error)
    } else if (outcome !== 'nothing') await this.#backOff(machineId, error)
    return error
  }

  /** Returns how many machines were held back. Throws `ERR_CSB_STORAGE`. */
  unblock(machineId: string | undefined): Promise<number> {
    return this.#inTurn(async () => {
      let count = 0
      for (const machine of await this.#options.storage.list()) {
        if (machineId !== undefined && machine.machineId !== machineId) continue
        if (machine.standing.state !== 'active') count++
        await this.#change(machine.machineId, () => ({ state: 'active' }))
      }
      if ((await this.#options.storage.breaker()) !== null) await this.#breaker.reset()
      return count
    })
  }

  async #checkMachine(machineId: string): Promise<Standing> {
    const standing = (await this.#options.storage.get(machineId))?.standing ?? ACTIVE
    const wait = timeToWait(standing, this.#options.now())
    if (standing.state === 'active' || wait === 0) return standing
    const reason = standing.state === 'blocked' ? `is blocked (${standing.reason})` : 'pauses'
    const end = standing.until === null ? 'until it is unblocked' : `until ${new Date(standing.until).toISOString()}`
    const message = `Machine ${machineId} ${reason} ${end}: ${standing.message}`
    const retryAfter = Number.isFinite(wait) ? wait : undefined
    throw new CapiError('ERR_CSB_CAPI_BLOCKED', message, { retryAfter, reason: standing.message })
  }

  async #hasActive(): Promise<boolean> {
    return (await this.#options.storage.list()).some(({ standing }) => standing.state === 'active')
  }

  async #block(machineId: string, reason: BlockReason, error: unknown): Promise<void> {
    await this.#note(() => this.#change(machineId, () => block(reason, error)))
  }

  async #backOff(machineId: string, error: unknown): Promise<void> {
    const { now, backoff } = this.#options
    await this.#note(() => this.#change(machineId, (standing) => backOff(standing, error, now(), backoff)))
  }

  /** CAPI says 403 to wrong credentials and to too many logins from this address alike. Which it is, other machines show. */
  async #forbid(machineId: string, error: unknown, pass: Pass, refusal: LoginRefusal): Promise<unknown> {
    const { isProven, isInARow, ifTaken } = refusal
    let told = error
    await this.#note(async () => {
      const now = this.#options.now()
      let isItself = isProven
      const change = await this.#store(machineId, (standing) => {
        const isAgain = wasForbidden(standing) && timeToWait(standing, now) === 0
        // Since it was refused, CAPI has answered another machine.
        const isAlone = isAgain && pass === 'free' && !isInARow
        isItself = isProven || isAlone
        if (!isAgain || !(isProven || (isAlone && ifTaken !== null))) return forbid(standing, error, now)
        told = ifTaken ?? error
        return block(ifTaken === null ? 'forbidden' : 'registered elsewhere', told)
      })
      this.#options.tally.forbidden++
      if (isItself) this.#tell(machineId, change)
      else await this.#trip(machineId, error)
    })
    return told
  }

  /** Told in one line, also of the machine. */
  async #trip(machineId: string, error: unknown): Promise<void> {
    const { message, until } = await this.#breaker.trip(error)
    const told = `All requests to CAPI pause until ${new Date(until).toISOString()}, because machine ${machineId} was refused: ${message}`
    this.#options.logger.error(told)
  }

  async #change(machineId: string, next: (standing: Standing) => Standing): Promise<void> {
    this.#tell(machineId, await this.#store(machineId, next))
  }

  /** Null where nothing changes. */
  async #store(machineId: string, next: (standing: Standing) => Standing): Promise<Change | null> {
    const { storage } = this.#options
    const before = (await storage.get(machineId))?.standing
    if (before === undefined) return null
    const after = next(before)
    if (after === before || (after.state === 'active' && before.state === 'active')) return null
    await storage.update(machineId, { standing: after })
    return { before, after }
  }

  #tell(machineId: string, change: Change | null): void {
    if (change === null) return
    const { logger } = this.#options
    const { before, after } = change
    if (after.state === 'active') logger.info(`Machine ${machineId} is active again`)
    else if (after.state === 'blocked') {
      logger.error(`Machine ${machineId} is blocked (${after.reason}): ${after.message}`)
    } else {
      const isRepeated = before.state === 'backing off' && before.message === after.message
      const told = `Machine ${machineId} pauses for ${Math.ceil(after.pause / 1000)} s: ${after.message}`
      logger[isRepeated ? 'debug' : 'warn'](told)
    }
  }

  /** What CAPI answered counts for the caller, also where it cannot be noted: a push that is taken must not look like one that failed. */
  async #note(write: () => Promise<void>): Promise<void> {
    try {
      await this.#inTurn(write)
    } catch (error) {
      this.#options.logger.error(`How CAPI answered cannot be stored: ${messageOf(error)}`)
    }
  }

  #inTurn<Result>(write: () => Promise<Result>): Promise<Result> {
    const written = this.#written.then(write)
    this.#written = written.catch(() => {})
    return written
  }
}
