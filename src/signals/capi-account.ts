/**
 * Who this process is to CAPI: opens the storage, picks the machine in it or makes one, and from then on has its tokens and its
 * outbox. A storage that cannot be opened is tried again, and whoever needs it meanwhile is told so.
 */

import type { CapiApi } from '../capi/api/capi-api.js'
import { randomMachineId } from '../capi/machines/machine-id.js'
import type { Machines, TokenHolder } from '../capi/machines/machines.js'
import { BouncerError } from '../errors.js'
import { FailureLog } from '../failure-log.js'
import { Backoff } from '../http/backoff.js'
import { pauseFor, pauseInBackground } from '../http/pause.js'
import { unlessAborted } from '../http/unless-aborted.js'
import type { Logger } from '../logger.js'
import { errorOf } from '../thrown.js'
import type { SignalDraft } from './hits/hit-signal.js'
import type { SendReport, SendRequest, SignalSender } from './sending/signal-sender.js'
import type { AddSummary } from './storage/signal-storage.js'
import type { Storage } from './storage/storage.js'

export interface CapiAccountOptions {
  readonly api: CapiApi
  /** Throws `ERR_CSB_STORAGE`. */
  readonly open: () => Promise<Storage>
  /** What every machine reports. */
  readonly scenarios: readonly string[]
  /** Null: the only one in the storage, or a new one. */
  readonly machineId: string | null
  /** Of a machine that CAPI knows already; null: the storage has it, or one is made. */
  readonly password: string | null
  readonly logger: Logger
  /** Hears of each failure to open the storage. */
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
const LONGEST_CLOSE = 2000

export class CapiAccount implements TokenHolder {
  readonly #options: CapiAccountOptions
  readonly #backoff = new Backoff(FIRST_RETRY, LONGEST_RETRY)
  #opening: Promise<OpenAccount> | null = null
  #open: OpenAccount | null = null
  #timer: NodeJS.Timeout | null = null
  readonly #failures: FailureLog
  #isClosed = false

  constructor(options: CapiAccountOptions) {
    this.#options = options
    this.#failures = new FailureLog(options.logger, 'error')
  }

  /** What is open; null while nothing is. */
  get current(): OpenAccount | null {
    return this.#open
  }

  /** Begins to open the storage, and goes on trying. */
  start(): void {
    this.opened().catch(() => {})
  }

  /** Throws why it could not be opened: the try under way is waited for, none is begun that was not due. */
  opened(): Promise<OpenAccount> {
    if (this.#isClosed) return Promise.reject(stopped())
    this.#opening ??= this.#tryToOpen()
    return this.#opening
  }

  /** There is one machine here, whose id is known only when the storage is open, so that it makes no difference which is asked for. */
  async withToken<Result>(
    _machineId: string,
    signal: AbortSignal,
    request: (token: string) => Promise<Result>,
  ): Promise<Result> {
    // Whoever is stopped must not wait for a database that does not answer.
    const { machines, machineId } = await unlessAborted(this.opened(), signal)
    return machines.withToken(machineId, signal, request)
  }

  /** Puts signals into the outbox. Throws `ERR_CSB_STORAGE`. */
  async add(drafts: readonly SignalDraft[]): Promise<AddSummary> {
    const { storage, machineId } = await this.opened()
    return storage.signals.add(drafts.map((draft) => ({ ...draft, machine_id: machineId })))
  }

  /** Sends what is in the outbox. Throws `ERR_CSB_STORAGE`. */
  async send(request: SendRequest): Promise<SendReport> {
    const { sender } = await this.opened()
    return sender.send(request)
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const { api, logger } = this.#options
    const open = await this.#openedBy(LONGEST_CLOSE)
    const ends = [open?.machines.close(), open?.storage.close(), api.close()]
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === 'rejected') logger.warn(`Closing what CAPI needed failed: ${String(end.reason)}`)
    }
    this.#open = null
  }

  /** What is open; the try under way is waited for so many milliseconds, and closes by itself what it opens later. */
  async #openedBy(milliseconds: number): Promise<OpenAccount | null> {
    if (this.#opening === null) return null
    const limit = new AbortController()
    const late = pauseFor(milliseconds, limit.signal).then(() => null)
    const open = await Promise.race([this.#opening.catch(() => null), late])
    limit.abort()
    return open
  }

  async #tryToOpen(): Promise<OpenAccount> {
    try {
      const open = await this.#openNow()
      this.#open = open
      this.#backoff.reset()
      this.#failures.recovered(`The storage ${open.storage.target} is open now`)
      return open
    } catch (thrown) {
      const error = errorOf(thrown, 'ERR_CSB_STORAGE')
      this.#failed(error)
      throw error
    }
  }

  async #openNow(): Promise<OpenAccount> {
    const { api, open, scenarios, logger } = this.#options
    const storage = await open()
    try {
      this.#verifyNotClosed()
      // Only now: most who load this package never ask CAPI, and would wait for it at every start of their process.
      const [{ Machines }, { SignalSender }] = await Promise.all([
        import('../capi/machines/machines.js'),
        import('./sending/signal-sender.js'),
      ])
      const machines = new Machines({ api, storage: storage.machines, scenarios, deadline: LOGIN_DEADLINE, logger })
      const machineId = await this.#pickMachine(storage, machines)
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

  async #pickMachine(storage: Storage, machines: Machines): Promise<string> {
    const { machineId, password } = this.#options
    if (machineId !== null) {
      await machines.add(machineId, password ?? undefined)
      return machineId
    }
    let known = await machines.list()
    if (known.length === 0) {
      await machines.addFirst(randomMachineId())
      known = await machines.list()
    }
    if (known.length > 1) {
      const message = `${storage.target} holds ${known.length} machines; say in capi_machine_id which of them this is`
      throw new BouncerError('ERR_CSB_CONFIG', message)
    }
    const [machine] = known
    if (machine === undefined) {
      throw new BouncerError('ERR_CSB_STORAGE', `${storage.target} neither takes a machine nor has one`)
    }
    return machine.machineId
  }

  #failed(error: Error): void {
    if (this.#isClosed) return
    this.#failures.failed(error, `CAPI cannot be used, and is tried again, because of its storage: ${error.message}`)
    this.#options.onError(error)
    this.#timer = setTimeout(() => {
      this.#opening = null
      this.start()
    }, this.#backoff.next())
    this.#timer.unref()
  }
}

function stopped(): Error {
  return new BouncerError('ERR_CSB_STATE', 'the bouncer was stopped')
}
