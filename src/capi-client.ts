/** `crowdsec-bouncer/capi`: CrowdSec's Central API for programs that report attacks themselves: many machines, one outbox. */

import type { z } from 'zod'
import type { Cancelable, DecisionsOptions, DownloadOptions } from './capi/api/call-options.js'
import type { CapiMetrics } from './capi/api/capi-calls.js'
import type { BlocklistLink, CapiDecisions } from './capi/decisions/capi-decisions.js'
import { type EnrollOptions, type EnrollResult, enrollMachines } from './capi/machines/enrollment.js'
import type { MachineCounts } from './capi/machines/machine-counts.js'
import { requireMachineId, requireMachineIds } from './capi/machines/machine-id.js'
import type { Breaker } from './capi/machines/machine-storage.js'
import type { MachineState } from './capi/machines/machines.js'
import { judgeScenarioName } from './capi/signals/scenario-name.js'
import type { Signal } from './capi/signals/signal.js'
import { validateSignals } from './capi/signals/signal-schema.js'
import {
  type CapiClientParts,
  type ClientTiming,
  createCapiClientParts,
} from './config/create/create-capi-client-parts.js'
import { Secret } from './config/kinds/secret.js'
import * as accepted from './config/options/capi-call-options.js'
import type { CapiClientOptions, ResolvedCapiClientOptions } from './config/options/capi-client-options.js'
import { parseCapiClientOptions } from './config/parse-capi-client-options.js'
import { type OtherNames, parseOptionObject } from './config/problems/option-object.js'
import { BouncerError } from './errors.js'
import { FailureLog } from './failure-log.js'
import { OpenCalls } from './http/open-calls.js'
import { type PruneReport, pruneFailing } from './signals/failing-machines.js'
import type { SendReport, SendRequest } from './signals/sending/signal-sender.js'
import { openLastingStorage } from './signals/storage/lasting-storage.js'
import type { AddSummary, SignalCounts, SignalFilter, StoredSignal } from './signals/storage/signal-storage.js'
import type { Storage } from './signals/storage/storage.js'
import { ListReading } from './sources/list-reading.js'

export * from './capi/index.js'
export type { ClientTiming } from './config/create/create-capi-client-parts.js'
export type { CapiClientOptions } from './config/options/capi-client-options.js'
export type { WireDecision } from './decisions/wire-decision.js'
export { BouncerError, type BouncerErrorCode } from './errors.js'
export type { PauseFor } from './http/pause.js'
export type { Logger, RemediationFields } from './logger.js'
export * from './signals/index.js'

/** Those of the Python SDK that spelling alone does not explain. */
const PYTHON: OtherNames = { prune_after_send: 'prune' }

/**
 * Rejects with `ERR_CSB_CONFIG`, whose message lists everything that is wrong, and with `ERR_CSB_STORAGE` where the storage cannot
 * be used. Nothing is asked of CAPI yet.
 */
export async function createCapiClient(options: CapiClientOptions, timing: ClientTiming = {}): Promise<CapiClient> {
  const resolved = parseCapiClientOptions(options)
  for (const name of resolved.scenarios) {
    const judged = judgeScenarioName(name)
    if (judged.verdict !== 'ok') resolved.logger.warn(`scenarios: ${judged.why}`)
  }
  const { storage, limits, logger } = resolved
  const opened = storage instanceof Secret ? await openLastingStorage(storage.reveal(), { limits, logger }) : storage
  try {
    return new CapiClient(resolved, opened, timing)
  } catch (error) {
    if (opened !== storage) await opened.close()
    throw error
  }
}

/**
 * Made by `createCapiClient`. Every call rejects with `ERR_CSB_STATE` after `close()`, and with `ERR_CSB_CONFIG` for options and values
 * that it does not take.
 */
export class CapiClient {
  readonly #ownsStorage: boolean
  readonly #deadline: number
  readonly #parts: CapiClientParts
  readonly #calls = new OpenCalls()
  readonly #losses: FailureLog
  #closing: Promise<void> | null = null

  constructor(options: ResolvedCapiClientOptions, storage: Storage, timing: ClientTiming) {
    this.#ownsStorage = options.storage instanceof Secret
    this.#deadline = options.timeout
    this.#parts = createCapiClientParts(options, storage, timing)
    this.#losses = new FailureLog(options.logger, 'warn')
  }

  /** Where requests go, and where everything is stored, fit for messages. */
  get targets(): { readonly api: string; readonly storage: string } {
    return { api: this.#parts.api.target, storage: this.#parts.storage.target }
  }

  /** Since the client was made. */
  get counts(): MachineCounts {
    return this.#parts.machines.counts
  }

  /** Stores signals until they are sent: all of them or, where one is malformed (`ERR_CSB_SIGNAL`), none. */
  addSignals(signals: Iterable<Signal>): Promise<AddSummary> {
    return this.#calls.run(undefined, async () => {
      const summary = await this.#parts.storage.signals.add(validateSignals(signals))
      this.#noteDropped(summary.dropped)
      return summary
    })
  }

  /**
   * Sends what is stored, then tells CAPI of the machines that sent; whether CAPI takes that is told in the log alone. An aborted
   * run tells what it did.
   */
  sendSignals(request: SendRequest = {}): Promise<SendReport> {
    return this.#run(accepted.sendOptions, request, (signal) => this.#parts.sender.send({ ...request, signal }), PYTHON)
  }

  /** The decisions that CAPI has for a machine; `flatDecisions` tells them one by one. */
  getDecisions(machineId: string, options: DecisionsOptions = {}): Promise<CapiDecisions> {
    return this.#run(accepted.decisionsOptions, options, async (signal) => {
      const { communityPull = true, additionalPull = true } = options
      const wanted = { communityPull, additionalPull, deadline: this.#deadline, signal }
      const { api, machines } = this.#parts
      return machines.withToken(requireMachineId(machineId), signal, (token) => api.decisions(token, wanted))
    })
  }

  /** The values of a linked blocklist; null where it has not changed since. Throws `ERR_CSB_CAPI_LINK`, also where none is a value. */
  downloadBlocklist(link: BlocklistLink, options: DownloadOptions = {}): Promise<Iterable<string> | null> {
    return this.#run(accepted.downloadOptions, options, async (signal) => {
      const since = options.ifModifiedSince?.getTime() ?? null
      const text = await this.#parts.lists.download({ name: link.name, url: link.url, since, signal })
      if (text === null) return null
      const reading = new ListReading(text)
      await reading.seekEntry(link.scope)
      reading.requireEntry(link.name)
      return text.values()
    })
  }

  /** Puts machines into the account of the attachment key. What fails for one is told for that one. */
  enrollMachines(machineIds: Iterable<string>, options: EnrollOptions & Cancelable): Promise<readonly EnrollResult[]> {
    return this.#run(accepted.enrollOptions, options, async (signal) =>
      enrollMachines(this.#parts.machines, requireMachineIds(machineIds), options, signal),
    )
  }

  /** Tells CAPI who takes decisions from a machine and who reports to it. Default: the machine itself, which just did. */
  pushMetrics(machineId: string, metrics?: CapiMetrics, options: Cancelable = {}): Promise<void> {
    return this.#run(accepted.cancelable, options, async (signal) =>
      this.#parts.metrics.push(requireMachineId(machineId), metrics, signal),
    )
  }

  /** All that the storage knows, the oldest first; without their secrets. */
  machines(): Promise<readonly MachineState[]> {
    return this.#calls.run(undefined, () => this.#parts.machines.list())
  }

  /** The pause of all machines after a 403; null where there is none. */
  breaker(): Promise<Breaker | null> {
    return this.#calls.run(undefined, () => this.#parts.machines.breaker())
  }

  /**
   * Stores a machine, with its password where it is registered already. Else one is made, and registered with the first request. A
   * password takes the place of one that has not worked yet, or that is blocked; where the stored one works, `ERR_CSB_STATE`.
   */
  addMachine(machineId: string, password?: string): Promise<MachineState> {
    return this.#calls.run(undefined, async () => this.#parts.machines.add(requireMachineId(machineId), password))
  }

  /** Forgets a machine and its password. CAPI is not told. Signals of it stay, and when they are sent it is made anew, with another one. */
  removeMachine(machineId: string): Promise<void> {
    return this.#calls.run(undefined, async () => this.#parts.machines.remove(requireMachineId(machineId)))
  }

  /** Registers a machine where it is new, and logs in where there is no good token. Other calls do so by themselves. */
  login(machineId: string, options: Cancelable = {}): Promise<void> {
    return this.#run(accepted.cancelable, options, async (signal) =>
      this.#parts.machines.login(requireMachineId(machineId), signal),
    )
  }

  /** Ends the pause of a machine, or of all of them. Returns how many were held back. */
  unblock(machineId?: string): Promise<number> {
    return this.#calls.run(undefined, async () =>
      this.#parts.machines.unblock(machineId === undefined ? undefined : requireMachineId(machineId)),
    )
  }

  /**
   * Deletes the signals of machines that CAPI will not have; the machines stay. Where the Python SDK counts every machine that had
   * three failures in a row, an outage included, these are only those that CAPI refused for good, or again after an hour.
   */
  pruneFailingMachines(options: { readonly dryRun?: boolean } = {}): Promise<PruneReport> {
    return this.#run(accepted.failingOptions, options, () => pruneFailing(this.#parts.storage, options))
  }

  signalCounts(filter: Omit<SignalFilter, 'state'> = {}): Promise<SignalCounts> {
    return this.#run(accepted.countsFilter, filter, () => this.#parts.storage.signals.counts(filter))
  }

  /** Default the first 100. */
  listSignals(
    filter: SignalFilter & { readonly limit?: number; readonly offset?: number } = {},
  ): Promise<readonly StoredSignal[]> {
    return this.#run(accepted.listOptions, filter, () => {
      const { limit = 100, ...rest } = filter
      return this.#parts.storage.signals.list({ ...rest, limit })
    })
  }

  /** Deletes signals. Returns how many. */
  pruneSignals(filter: SignalFilter): Promise<number> {
    return this.#run(accepted.signalFilter, filter, () => this.#parts.storage.signals.prune(filter))
  }

  /** Puts signals from quarantine back into the queue. Returns how many. */
  requeueSignals(filter: { readonly machineId?: string } = {}): Promise<number> {
    return this.#run(accepted.requeueFilter, filter, () => this.#parts.storage.signals.requeue(filter))
  }

  /** Gives up what is under way and leaves nothing behind. A storage that was handed in stays open. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #noteDropped(dropped: number): void {
    const signals = dropped === 1 ? '1 signal was' : `${dropped} signals were`
    const line = `${signals} dropped to keep the outbox within its limits`
    if (dropped === 0) this.#losses.recovered('The outbox has room again')
    else this.#losses.failed(new BouncerError('ERR_CSB_STORAGE', line, { reason: 'the outbox is full' }), line)
  }

  async #run<Result>(
    accepted: z.ZodObject,
    options: object,
    work: (signal: AbortSignal) => Promise<Result>,
    otherNames?: OtherNames,
  ): Promise<Result> {
    parseOptionObject(accepted, options, otherNames)
    const { signal }: Cancelable = options
    return this.#calls.run(signal, work)
  }

  async #close(): Promise<void> {
    await this.#calls.end(new BouncerError('ERR_CSB_STATE', 'The CAPI client is closed'))
    await this.#parts.machines.close()
    await this.#parts.api.close()
    if (this.#ownsStorage) await this.#parts.storage.close()
  }
}
