/** Tells CAPI of machines: who takes decisions from them and who reports to them. */

import { FailureLog } from '../../failure-log.js'
import type { Logger } from '../../logger.js'
import { errorOf } from '../../thrown.js'
import { VERSION } from '../../version.js'
import type { CapiApi } from '../api/capi-api.js'
import type { CapiCall, CapiMetrics } from '../api/capi-calls.js'
import type { Machines } from './machines.js'
import { outcomeOf } from './standing.js'

export interface MachineMetricsOptions {
  readonly api: Pick<CapiApi, 'pushMetrics'>
  readonly machines: Pick<Machines, 'withToken' | 'tokenInHand'>
  /** Milliseconds for one exchange. */
  readonly deadline: number
  readonly logger: Logger
}

export class MachineMetrics {
  readonly #options: MachineMetricsOptions
  readonly #failures: FailureLog
  /** Machines that CAPI could not be told of the last time. */
  readonly #failing = new Set<string>()

  constructor(options: MachineMetricsOptions) {
    this.#options = options
    this.#failures = new FailureLog(options.logger, 'warn')
  }

  /** `metrics` undefined: of the machine itself, which just reported. */
  push(machineId: string, metrics: CapiMetrics | undefined, signal: AbortSignal): Promise<void> {
    const { api, machines, deadline } = this.#options
    return machines.withToken(machineId, signal, (token) =>
      api.pushMetrics(token, metrics ?? ofItself(machineId), { deadline, signal }),
    )
  }

  /**
   * After signals were taken, which they are whatever becomes of the metrics: one try, for which no login is spent, and whose failure
   * counts for nothing. `trouble`: CAPI, or the way to it, has some, and others would fare alike. Never rejects.
   */
  async tellOf(machineId: string, call: CapiCall): Promise<'done' | 'trouble'> {
    const { api, machines } = this.#options
    try {
      const token = await machines.tokenInHand(machineId)
      if (token === null) return 'done'
      await api.pushMetrics(token, ofItself(machineId), call)
      this.#failing.delete(machineId)
      if (this.#failing.size === 0) this.#failures.recovered()
      return 'done'
    } catch (thrown) {
      if (call.signal.aborted) return 'done'
      const error = errorOf(thrown, 'ERR_CSB_INTERNAL')
      this.#failing.add(machineId)
      this.#failures.failed(error, `CAPI was not told of machine ${machineId}: ${error.message}`)
      return outcomeOf(error) === 'trouble' ? 'trouble' : 'done'
    }
  }
}

function ofItself(machineId: string): CapiMetrics {
  const now = new Date().toISOString()
  return { bouncers: [], machines: [{ name: machineId, version: VERSION, last_update: now, last_push: now }] }
}
