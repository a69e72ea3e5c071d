/**
 * Who this process is to CAPI: opens the storage, picks the machine in it or makes one, and from then on has its tokens and its
 * outbox. A storage that cannot be opened is tried again, and whoever needs it meanwhile is told so. One whose file is lost is
 * opened anew, and gets the machine that it had.
 */

import type { CapiApi } from '../capi/api/capi-api.js'
import type { Machines, TokenHolder } from '../capi/machines/machines.js'
import { BouncerError } from '../errors.js'
import { FailureLog } from '../failure-log.js'
import { Backoff } from '../http/backoff.js'
import { OpenCalls } from '../http/open-calls.js'
import { pauseFor, pauseInBackground } from '../http/pause.js'
import { unlessAborted } from '../http/unless-aborted.js'
import type { Logger } from '../logger.js'
import { errorOf } from '../thrown.js'
import { pickMachine } from './account-machine.js'
import type { SignalDraft } from './hits/hit-signal.js'
import type { SendReport, SendRequest, SignalSender } from './sending/signal-sender.js'
import { KnownMachines } from './storage/known-machines.js'
import type { StorageOptions } from './storage/outbox-limits.js'
import { Reopening } from './storage/reopening.js'
import type { AddSummary } from './storage/signal-storage.js'
import type { Storage } from './storage/storage.js'

export interface CapiAccountOptions {
  readonly api: CapiApi
  /** Throws `ERR_CSB_STORAGE`. */
  readonly open: (options: Pick<StorageOptions, 'giveUp' | 'onLost'>) => Promise<Storage>
  /** What every machine reports. */
  readonly scenarios: readonly string[]
  /** Null: the only one in the storage, or a new one. */
  readonly machineId: string | null
  /** Of a machine that CAPI knows already; null: the storage has it, or one is made. */
  readonly password: string | null
  /** Logins in 50 minutes. Default 18. */
  readonly loginBudget?: number | 'unlimited'
  readonly logger: Logger
  /** Hears of each failure to open the storage, and of a file that is lost. */
  readonly onError: (error: Error) => void
}

/** All that an open storage makes possible. */
export interface OpenAccount {
  readonly storage: Storage
  readonly machines: Machines
  readonly machineId: string
  readonly sender: SignalSender
}

/** Milliseconds for one registration or login. */
const LOGIN_DEADLINE = 30_000

/** Milliseconds. */
const FIRST_RETRY = 1000
const LONGEST_RETRY = 60_000
/** For the storage to end what is under way, and then to give it up. */
const LONGEST_CLOSE = 150
const LONGEST_GIVING_UP = 100

export class CapiAccount implements TokenHolder {
  readonly #options: CapiAccountOptions
  readonly #backoff = new Backoff(FIRST_RETRY, LONGEST_RETRY)
  readonly #reopening: Reopening<OpenAccount>
  /** Why it could not be opened, until the next try is due. */
  #failure: Error | null = null
  #timer: NodeJS.Timeout | null = null
  readonly #known = new KnownMachines()
  /** Who it was in the storage that is or was open: another one would have to be registered, and enrolled by hand. */
  #machineId: string | null = null
  readonly #calls = new OpenCalls()
  readonly #giveUp = new AbortController()
  readonly #failures: FailureLog
  #isClosed = false

  constructor(options: CapiAccountOptions) {
    this.#options = options
    this.#failures = new FailureLog(options.logger, 'error')
    this.#reopening = new Reopening({
      open: (onLost) => this.#tryToOpen(onLost),
      close: (open) => this.#closeAll(open),
      failures: this.#failures,
      onLost: options.onError,
    })
  }

  /** What is open; null while nothing is. */
  get current(): OpenAccount | null {
    return this.#reopening.current
  }

  /** Begins to open the storage, and goes on trying. */
  start(): void {
    this.opened().catch(() => {})
  }

  /** Throws why it could not be opened: the try under way is waited for, none is begun that was not due. */
  opened(): Promise<OpenAccount> {
    return this.#reopening.opened()
  }

  /** There is one machine here, whose id is known only when the storage is open, so that it makes no difference which is asked for. */
  withToken<Result>(
    _machineId: string,
    signal: AbortSignal,
    request: (token: string) => Promise<Result>,
  ): Promise<Result> {
    const asked = this.#calls.run(signal, async (signal) => {
      const { machines, machineId } = await unlessAborted(this.opened(), signal)
      return machines.withToken(machineId, signal, request)
    })
    // Whoever is stopped must not wait for a database that does not answer.
    return unlessAborted(asked, signal)
  }

  /** Puts signals into the outbox. Throws `ERR_CSB_STORAGE`. */
  async add(drafts: readonly SignalDraft[]): Promise<AddSummary> {
    return this.#reopening.run(({ storage, machineId }) =>
      storage.signals.add(drafts.map((draft) => ({ ...draft, machine_id: machineId }))),
    )
  }

  /** Sends what is in the outbox. Throws `ERR_CSB_STORAGE`. */
  async send(request: SendRequest): Promise<SendReport> {
    return this.#reopening.run(({ sender }) => sender.send(request))
  }

  /** Ends within a quarter of a second, whatever the storage does. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const end = new AbortController()
    const closed = this.#reopening.close(stopped(), this.#calls.end(stopped()))
    void Promise.all([this.#closed(this.#options.api), closed]).finally(() => end.abort())
    await pauseFor(LONGEST_CLOSE, end.signal)
    this.#giveUp.abort(stopped())
    await pauseFor(LONGEST_GIVING_UP, end.signal)
  }

  /** A login under way may still have to store its token. */
  async #closeAll({ machines, storage }: OpenAccount): Promise<void> {
    await this.#closed(machines)
    await this.#closed(storage)
  }

  async #closed(part: { close(): Promise<void> }): Promise<void> {
    try {
      await part.close()
    } catch (error) {
      if (!this.#giveUp.signal.aborted) this.#options.logger.warn(`Closing what CAPI needed failed: ${String(error)}`)
    }
  }

  async #tryToOpen(onLost: (error: BouncerError) => void): Promise<OpenAccount> {
    if (this.#failure !== null) throw this.#failure
    try {
      const open = await this.#openNow(onLost)
      this.#backoff.reset()
      return open
    } catch (thrown) {
      const error = errorOf(thrown, 'ERR_CSB_STORAGE')
      this.#failed(error)
      throw error
    }
  }

  async #openNow(onLost: (error: BouncerError) => void): Promise<OpenAccount> {
    const { api, open, scenarios, machineId: wanted, password, loginBudget, logger } = this.#options
    this.#verifyNotClosed()
    const storage = await open({ giveUp: this.#giveUp.signal, onLost })
    try {
      this.#verifyNotClosed()
      // Only now: most who load this package never ask CAPI, and would wait for it at every start of their process.
      const [{ Machines }, { SignalSender }] = await Promise.all([
        import('../capi/machines/machines.js'),
        import('./sending/signal-sender.js'),
      ])
      const watched = this.#known.watch(storage.machines)
      const before = this.#machineId === null ? null : this.#known.get(this.#machineId)
      const machines = new Machines({
        api,
        storage: watched,
        scenarios,
        deadline: LOGIN_DEADLINE,
        logger,
        pause: pauseInBackground,
        ...(loginBudget === undefined ? {} : { loginBudget }),
      })
      const machineId = await pickMachine(storage, machines, { machineId: wanted, password, before })
      this.#machineId = machineId
      // Closing waits only so long: what opens later has nobody else who would close it.
      this.#verifyNotClosed()
      const sender = new SignalSender({ api, machines, storage: storage.signals, logger, pause: pauseInBackground })
      return { storage, machines, machineId, sender }
    } catch (error) {
      await storage.close().catch(() => {})
      throw error
    }
  }

  #verifyNotClosed(): void {
    if (this.#isClosed) throw stopped()
  }

  #failed(error: Error): void {
    if (this.#isClosed) return
    this.#failures.failed(error, `CAPI cannot be used, and is tried again, because of its storage: ${error.message}`)
    this.#options.onError(error)
    this.#failure = error
    this.#timer = setTimeout(() => {
      this.#failure = null
      this.start()
    }, this.#backoff.next())
    this.#timer.unref()
  }
}

function stopped(): Error {
  return new BouncerError('ERR_CSB_STATE', 'the bouncer was stopped')
}
