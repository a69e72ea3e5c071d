/** `crowdsec-bouncer/capi`: CrowdSec's Central API for programs that report attacks themselves: many machines, one outbox. */

import type { Cancelable, DecisionsOptions, DownloadOptions } from './capi/api/call-options.js'
import { CapiApi } from './capi/api/capi-api.js'
import type { CapiMetrics } from './capi/api/capi-calls.js'
import type { BlocklistLink, CapiDecisions } from './capi/decisions/capi-decisions.js'
import { LinkedLists } from './capi/decisions/linked-lists.js'
import { type EnrollOptions, type EnrollResult, enrollMachines } from './capi/machines/enrollment.js'
import type { MachineCounts } from './capi/machines/machine-counts.js'
import { requireMachineId, requireMachineIds } from './capi/machines/machine-id.js'
import { MachineMetrics } from './capi/machines/machine-metrics.js'
import type { Breaker } from './capi/machines/machine-storage.js'
import { type MachineState, Machines } from './capi/machines/machines.js'
import { judgeScenarioName } from './capi/signals/scenario-name.js'
import type { Signal } from './capi/signals/signal.js'
import { validateSignals } from './capi/signals/signal-schema.js'
import { Secret } from './config/kinds/secret.js'
import type { CapiClientOptions, ResolvedCapiClientOptions } from './config/options/capi-client-options.js'
import { parseCapiClientOptions } from './config/parse-capi-client-options.js'
import { BouncerError } from './errors.js'
import { OpenCalls } from './http/open-calls.js'
import type { PauseFor } from './http/pause.js'
import { type PruneReport, pruneFailing } from './signals/failing-machines.js'
import { type SendReport, type SendRequest, SignalSender } from './signals/sending/signal-sender.js'
import { openStorage } from './signals/storage/open-storage.js'
import type { AddSummary, SignalCounts, SignalFilter, StoredSignal } from './signals/storage/signal-storage.js'
import type { Storage } from './signals/storage/storage.js'
import { USER_AGENT } from './version.js'

export * from './capi/index.js'
export type { CapiClientOptions } from './config/options/capi-client-options.js'
export type { WireDecision } from './decisions/wire-decision.js'
export { BouncerError, type BouncerErrorCode } from './errors.js'
export type { PauseFor } from './http/pause.js'
export type { Logger, RemediationFields } from './logger.js'
export * from './signals/index.js'

/** What a test puts in place of time and chance. */
export interface ClientTiming {
  /** Unix milliseconds. */
  readonly now?: () => number
  readonly pause?: PauseFor
  /** From 0 to 1. */
  readonly random?: () => number
}

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
  const { storage, limits } = resolved
  const opened = storage instanceof Secret ? await openStorage(storage.reveal(), { limits }) : storage
  try {
    return new CapiClient(resolved, opened, timing)
  } catch (error) {
    if (opened !== storage) await opened.close()
    throw error
  }
}

/** Made by `createCapiClient`. Every call rejects with `ERR_CSB_STATE` after `close()`. */
export class CapiClient {
  readonly #options: ResolvedCapiClientOptions
  readonly #storage: Storage
  readonly #api: CapiApi
  readonly #machines: Machines
  readonly #sender: SignalSender
  readonly #metrics: MachineMetrics
  readonly #lists: LinkedLists
  readonly #calls = new OpenCalls()
  #closing: Promise<void> | null = null

  constructor(options: ResolvedCapiClientOptions, storage: Storage, timing: ClientTiming) {
    this.#options = options
    this.#storage = storage
    const { url, userAgentPrefix, scenarios, logger, timeout, latencyOffset, maxRetries, retryDelay } = options
    const userAgent = userAgentPrefix === '' ? USER_AGENT : `${userAgentPrefix}-${USER_AGENT}`
    const api = new CapiApi({ baseUrl: url, userAgent, logger })
    const common = { api, logger, ...timing }
    this.#api = api
    this.#machines = new Machines({
      ...common,
      storage: storage.machines,
      scenarios,
      latencyOffset,
      deadline: timeout,
      firstPause: retryDelay,
    })
    this.#sender = new SignalSender({
      ...common,
      machines: this.#machines,
      storage: storage.signals,
      timeout,
      maxRetries,
      retryDelay,
    })
    this.#metrics = new MachineMetrics({ api, machines: this.#machines, deadline: timeout, logger })
    const { allowPrivateLinks } = options
    this.#lists = new LinkedLists({
      userAgent,
      allowPrivateLinks,
      allowHttp: allowPrivateLinks || url.startsWith('http:'),
    })
  }

  /** Where requests go, and where everything is stored, fit for messages. */
  get targets(): { readonly api: string; readonly storage: string } {
    return { api: this.#api.target, storage: this.#storage.target }
  }

  /** Since the client was made. */
  get counts(): MachineCounts {
    return this.#machines.counts
  }

  /** Stores signals until they are sent: all of them or, where one is malformed (`ERR_CSB_SIGNAL`), none. */
  addSignals(signals: Iterable<Signal>): Promise<AddSummary> {
    return this.#calls.run(undefined, async () => this.#storage.signals.add(validateSignals(signals)))
  }

  /** Sends what is stored, then tells CAPI of each machine that sent (`pushMetrics`). An aborted run tells what it did. */
  sendSignals(request: SendRequest = {}): Promise<SendReport> {
    return this.#calls.run(request.signal, async (signal) => {
      const senders = new Set<string>()
      const onProgress: SendRequest['onProgress'] = (progress) => {
        if (progress.sent > 0) senders.add(progress.machineId)
        request.onProgress?.(progress)
      }
      const report = await this.#sender.send({ ...request, signal, onProgress })
      for (const { machineId } of report.failures) senders.delete(machineId)
      for (const machineId of senders) if (!signal.aborted) await this.#metrics.tellOf(machineId, signal)
      return report
    })
  }

  /** The decisions that CAPI has for a machine; `flatDecisions` tells them one by one. */
  getDecisions(machineId: string, options: DecisionsOptions = {}): Promise<CapiDecisions> {
    const { communityPull = true, additionalPull = true } = options
    const deadline = this.#options.timeout
    return this.#calls.run(options.signal, async (signal) =>
      this.#machines.withToken(requireMachineId(machineId), signal, (token) =>
        this.#api.decisions(token, { communityPull, additionalPull, deadline, signal }),
      ),
    )
  }

  /** The values of a linked blocklist; null where it has not changed since. Throws `ERR_CSB_CAPI_LINK`. */
  downloadBlocklist(link: BlocklistLink, options: DownloadOptions = {}): Promise<Iterable<string> | null> {
    const since = options.ifModifiedSince?.getTime() ?? null
    return this.#calls.run(options.signal, async (signal) => {
      const text = await this.#lists.download({ name: link.name, url: link.url, since, signal })
      return text === null ? null : text.values()
    })
  }

  /** Puts machines into the account of the attachment key. What fails for one is told for that one. */
  enrollMachines(machineIds: Iterable<string>, options: EnrollOptions & Cancelable): Promise<readonly EnrollResult[]> {
    return this.#calls.run(options.signal, async (signal) =>
      enrollMachines(this.#machines, requireMachineIds(machineIds), options, signal),
    )
  }

  /** Tells CAPI who takes decisions from a machine and who reports to it. Default: the machine itself, which just did. */
  pushMetrics(machineId: string, metrics?: CapiMetrics, options: Cancelable = {}): Promise<void> {
    return this.#calls.run(options.signal, async (signal) =>
      this.#metrics.push(requireMachineId(machineId), metrics, signal),
    )
  }

  /** All that the storage knows, the oldest first; without their secrets. */
  machines(): Promise<readonly MachineState[]> {
    return this.#calls.run(undefined, () => this.#machines.list())
  }

  /** The pause of all machines after a 403; null where there is none. */
  breaker(): Promise<Breaker | null> {
    return this.#calls.run(undefined, () => this.#machines.breaker())
  }

  /** Stores a machine, with its password where it is registered already. Else one is made, and registered with the first request. */
  addMachine(machineId: string, password?: string): Promise<MachineState> {
    return this.#calls.run(undefined, async () => this.#machines.add(requireMachineId(machineId), password))
  }

  /** Forgets a machine; its signals stay. CAPI is not told. */
  removeMachine(machineId: string): Promise<void> {
    return this.#calls.run(undefined, async () => this.#machines.remove(requireMachineId(machineId)))
  }

  /** Registers a machine where it is new, and logs in where there is no good token. Other calls do so by themselves. */
  login(machineId: string, options: Cancelable = {}): Promise<void> {
    return this.#calls.run(options.signal, async (signal) => this.#machines.login(requireMachineId(machineId), signal))
  }

  /** Ends the pause of a machine, or of all of them. Returns how many were held back. */
  unblock(machineId?: string): Promise<number> {
    return this.#calls.run(undefined, async () =>
      this.#machines.unblock(machineId === undefined ? undefined : requireMachineId(machineId)),
    )
  }

  /**
   * Deletes the signals of machines that CAPI will not have; the machines stay. Where the Python SDK counts every machine that had
   * three failures in a row, an outage included, these are only those that CAPI refused for good, or again after an hour.
   */
  pruneFailingMachines(options: { readonly dryRun?: boolean } = {}): Promise<PruneReport> {
    return this.#calls.run(undefined, () => pruneFailing(this.#storage, options))
  }

  signalCounts(filter: Omit<SignalFilter, 'state'> = {}): Promise<SignalCounts> {
    return this.#calls.run(undefined, () => this.#storage.signals.counts(filter))
  }

  /** Default the first 100. */
  listSignals(
    filter: SignalFilter & { readonly limit?: number; readonly offset?: number } = {},
  ): Promise<readonly StoredSignal[]> {
    return this.#calls.run(undefined, () => this.#storage.signals.list({ limit: 100, ...filter }))
  }

  /** Deletes signals. Returns how many. */
  pruneSignals(filter: SignalFilter): Promise<number> {
    return this.#calls.run(undefined, () => this.#storage.signals.prune(filter))
  }

  /** Puts signals from quarantine back into the queue. Returns how many. */
  requeueSignals(filter: { readonly machineId?: string } = {}): Promise<number> {
    return this.#calls.run(undefined, () => this.#storage.signals.requeue(filter))
  }

  /** Gives up what is under way and leaves nothing behind. A storage that was handed in stays open. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#calls.end(new BouncerError('ERR_CSB_STATE', 'The CAPI client is closed'))
    await this.#machines.close()
    await this.#api.close()
    if (this.#options.storage instanceof Secret) await this.#storage.close()
  }
}
