/**
 * Sends what is queued in the outbox: at least once, each uuid unchanged, machine by machine, so that one that fails holds up no
 * other. Every run ends, whatever CAPI answers.
 */

import { randomUUID } from 'node:crypto'
import type { CapiApi } from '../../capi/api/capi-api.js'
import type { MachineMetrics } from '../../capi/machines/machine-metrics.js'
import type { Machines } from '../../capi/machines/machines.js'
import { BouncerError } from '../../errors.js'
import { FailureLog } from '../../failure-log.js'
import { type PauseFor, pauseFor } from '../../http/pause.js'
import { type Logger, silentLogger } from '../../logger.js'
import { errorOf } from '../../thrown.js'
import type { SignalStorage } from '../storage/signal-storage.js'
import { MachineRun } from './machine-run.js'

/** CrowdSec's documentation allows no more in one request. */
export const LARGEST_CHUNK = 250

export interface SignalSenderOptions {
  readonly api: Pick<CapiApi, 'pushSignals'>
  readonly machines: Pick<Machines, 'withToken' | 'standing'>
  readonly storage: SignalStorage
  /** Told of each machine whose signals were all taken, after the signals of all. Default: nobody. */
  readonly metrics?: Pick<MachineMetrics, 'tellOf'>
  /** Signals in one request, 1 to 250. Default 250. */
  readonly chunkSize?: number
  /** How often a chunk is tried again in one run after a failure that may pass. Default 3. */
  readonly maxRetries?: number
  /** Milliseconds before the first such retry at most; it doubles with each, up to a minute. Default 5 s. */
  readonly retryDelay?: number
  /** Milliseconds for one request. Default 30 s. */
  readonly timeout?: number
  /** Milliseconds for which claimed signals are this sender's: more than `timeout`. Default 5 min, or four times `timeout`. */
  readonly lease?: number
  /** Milliseconds after which a run begins nothing new. Default 10 min. */
  readonly longestRun?: number
  /** Machines that are sent for at the same time. Default 4. */
  readonly concurrency?: number
  readonly logger?: Logger
  /** Milliseconds of a clock that never jumps. */
  readonly now?: () => number
  readonly pause?: PauseFor
  /** 0 to 1. */
  readonly random?: () => number
}

export interface SendRequest {
  /** Whether sent signals are deleted (default) or kept as sent. */
  readonly prune?: boolean
  /** How many signals are taken from the storage at once, 1 at least; a request never holds more than `chunkSize`. */
  readonly batchSize?: number
  /** Ends the run at once. What is in flight then may or may not arrive, and is sent again. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: SendProgress) => void
}

/** Of one machine, since the run began. */
export interface SendProgress {
  readonly machineId: string
  readonly sent: number
  readonly quarantined: number
}

/** Why signals of a machine stay queued. */
export interface SendFailure {
  readonly machineId: string
  readonly error: Error
}

export interface SendReport {
  /** Signals that CAPI took in this run. */
  readonly sent: number
  /** Signals that CAPI will not have; the reason of each is in the storage. */
  readonly quarantined: number
  /** Signals of all machines that are queued after the run. */
  readonly remaining: number
  readonly failures: readonly SendFailure[]
}

const never = new AbortController().signal

export class SignalSender {
  readonly #options: SignalSenderOptions
  readonly #timeout: number
  readonly #lease: number
  readonly #now: () => number
  /** By machine: uuids that CAPI has taken and that the storage could not mark yet. */
  readonly #unmarked = new Map<string, Set<string>>()
  /** A 403 was for what is in a signal, since CAPI took others beside it. */
  readonly #filter = { isKnown: false }
  /** By machine, while signals of it stay queued. */
  readonly #failures = new Map<string, FailureLog>()

  /** Throws `ERR_CSB_CONFIG`. */
  constructor(options: SignalSenderOptions) {
    this.#options = options
    this.#timeout = options.timeout ?? 30_000
    this.#lease = options.lease ?? Math.max(300_000, 4 * this.#timeout)
    this.#now = options.now ?? (() => performance.now())
    if (this.#lease <= this.#timeout) {
      const message = `lease: expected more than the timeout of ${this.#timeout} ms, got ${this.#lease} ms`
      throw new BouncerError('ERR_CSB_CONFIG', message)
    }
  }

  /**
   * Sends until nothing is queued, or nothing more can be sent now. Throws `ERR_CSB_STORAGE` where the storage cannot even tell
   * what is queued; every other failure is told by machine.
   */
  async send(request: SendRequest = {}): Promise<SendReport> {
    const { storage, concurrency = 4 } = this.#options
    const endsAt = this.#now() + (this.#options.longestRun ?? 600_000)
    const withQueued = await storage.machinesWithQueued()
    const unmarked = [...this.#unmarked].filter(([, uuids]) => uuids.size > 0).map(([machineId]) => machineId)
    const machineIds = new Set([...unmarked, ...withQueued])
    const next = machineIds.values()
    const done: string[] = []
    let sent = 0
    let quarantined = 0
    const failures: SendFailure[] = []
    const sendForNext = async () => {
      for (const machineId of next) {
        if (request.signal?.aborted === true) return
        const run = this.#runOf(machineId, request, endsAt)
        const error = await run.run()
        sent += run.sent
        quarantined += run.quarantined
        if (run.quarantined > 0) this.#tellOfQuarantine(machineId, run)
        if (error === null) this.#failures.delete(machineId)
        else failures.push(this.#failure(machineId, error))
        if (error === null && run.sent > 0) done.push(machineId)
      }
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, machineIds.size) }, sendForNext))
    await this.#tellOf(done, concurrency, endsAt, request.signal ?? never)
    const { queued } = await storage.counts()
    return { sent, quarantined, remaining: queued, failures }
  }

  /** In what is left of the run: who is not told of now is told of after the next one. */
  async #tellOf(
    machineIds: readonly string[],
    concurrency: number,
    endsAt: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { metrics } = this.#options
    if (metrics === undefined) return
    const next = machineIds.values()
    const tellOfNext = async () => {
      for (const machineId of next) {
        const deadline = Math.min(this.#timeout, endsAt - this.#now())
        if (signal.aborted || deadline <= 0) return
        // Where CAPI has trouble with metrics, all the others would wait for it, too.
        if ((await metrics.tellOf(machineId, { deadline, signal })) === 'trouble') return
      }
    }
    await Promise.all(Array.from({ length: Math.min(concurrency, machineIds.length) }, tellOfNext))
  }

  #runOf(machineId: string, request: SendRequest, endsAt: number): MachineRun {
    const { chunkSize = LARGEST_CHUNK, maxRetries = 3, retryDelay = 5_000, ...options } = this.#options
    const unmarked = this.#unmarked.get(machineId) ?? new Set()
    this.#unmarked.set(machineId, unmarked)
    const run = new MachineRun({
      machineId,
      api: options.api,
      machines: options.machines,
      storage: options.storage,
      chunkSize: Math.min(chunkSize, request.batchSize ?? chunkSize, LARGEST_CHUNK),
      maxRetries,
      retryDelay,
      timeout: this.#timeout,
      lease: this.#lease,
      endsAt,
      sent: (request.prune ?? true) ? 'prune' : 'keep',
      owner: randomUUID(),
      unmarked,
      filter: this.#filter,
      logger: options.logger ?? silentLogger,
      now: this.#now,
      pause: options.pause ?? pauseFor,
      random: options.random ?? Math.random,
      onProgress: () => request.onProgress?.({ machineId, sent: run.sent, quarantined: run.quarantined }),
      signal: request.signal ?? never,
    })
    return run
  }

  #tellOfQuarantine(machineId: string, { quarantined, refusal }: MachineRun): void {
    const signals = quarantined === 1 ? '1 signal goes' : `${quarantined} signals go`
    this.#options.logger?.warn(`${signals} into quarantine, machine ${machineId}, the last one because: ${refusal}`)
  }

  #failure(machineId: string, thrown: unknown): SendFailure {
    const error = errorOf(thrown, 'ERR_CSB_INTERNAL')
    const log = this.#failures.get(machineId) ?? new FailureLog(this.#options.logger ?? silentLogger, 'warn')
    this.#failures.set(machineId, log)
    log.failed(error, `Signals of machine ${machineId} stay queued: ${error.message}`)
    return { machineId, error }
  }
}
