/** From the options of `createCapiClient` to the parts of a client. */

import { CapiApi } from '../../capi/api/capi-api.js'
import { LinkedLists } from '../../capi/decisions/linked-lists.js'
import { MachineMetrics } from '../../capi/machines/machine-metrics.js'
import { Machines } from '../../capi/machines/machines.js'
import { type PauseFor, pauseFor } from '../../http/pause.js'
import { SignalSender } from '../../signals/sending/signal-sender.js'
import type { Storage } from '../../signals/storage/storage.js'
import { USER_AGENT } from '../../version.js'
import type { ResolvedCapiClientOptions } from '../options/capi-client-options.js'

/** What a test puts in place of time and chance. */
export interface ClientTiming {
  /** Unix milliseconds. */
  readonly now?: () => number
  readonly pause?: PauseFor
  /** From 0 to 1. */
  readonly random?: () => number
}

export interface CapiClientParts {
  readonly storage: Storage
  readonly api: CapiApi
  readonly machines: Machines
  readonly sender: SignalSender
  readonly metrics: MachineMetrics
  readonly lists: LinkedLists
}

/** Nothing is asked of CAPI yet. */
export function createCapiClientParts(
  options: ResolvedCapiClientOptions,
  storage: Storage,
  timing: ClientTiming,
): CapiClientParts {
  const { url, userAgentPrefix, scenarios, logger, timeout, latencyOffset, loginBudget, maxRetries, retryDelay } =
    options
  const userAgent = userAgentPrefix === '' ? USER_AGENT : `${userAgentPrefix}-${USER_AGENT}`
  const api = new CapiApi({ baseUrl: url, userAgent, logger })
  const common = { api, logger, ...timing }
  const machines = new Machines({
    ...common,
    storage: storage.machines,
    scenarios,
    latencyOffset,
    loginBudget,
    deadline: timeout,
    firstPause: retryDelay,
    // In real time, since another process is waited for.
    pause: pauseFor,
  })
  const metrics = new MachineMetrics({ api, machines, deadline: timeout, logger })
  const sending = { timeout, maxRetries, retryDelay }
  const sender = new SignalSender({ ...common, machines, storage: storage.signals, metrics, ...sending })
  const { allowPrivateLinks } = options
  const allowHttp = allowPrivateLinks || url.startsWith('http:')
  const lists = new LinkedLists({ userAgent, allowPrivateLinks, allowHttp })
  return { storage, api, machines, sender, metrics, lists }
}
