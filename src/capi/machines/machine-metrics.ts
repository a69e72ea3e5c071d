/** Tells CAPI of machines: who takes decisions from them and who reports to them. */

import type { Logger } from '../../logger.js'
import { messageOf } from '../../thrown.js'
import { VERSION } from '../../version.js'
import type { CapiApi } from '../api/capi-api.js'
import type { CapiMetrics } from '../api/capi-calls.js'
import type { TokenHolder } from './machines.js'

export interface MachineMetricsOptions {
  readonly api: Pick<CapiApi, 'pushMetrics'>
  readonly machines: TokenHolder
  /** Milliseconds for one exchange. */
  readonly deadline: number
  readonly logger: Logger
}

export class MachineMetrics {
  readonly #options: MachineMetricsOptions

  constructor(options: MachineMetricsOptions) {
    this.#options = options
  }

  /** `metrics` undefined: of the machine itself, which just reported. */
  push(machineId: string, metrics: CapiMetrics | undefined, signal: AbortSignal): Promise<void> {
    const { api, machines, deadline } = this.#options
    return machines.withToken(machineId, signal, (token) =>
      api.pushMetrics(token, metrics ?? ofItself(machineId), { deadline, signal }),
    )
  }

  /** After signals were taken, which they are whatever becomes of the metrics. Never rejects. */
  async tellOf(machineId: string, signal: AbortSignal): Promise<void> {
    try {
      await this.push(machineId, undefined, signal)
    } catch (error) {
      this.#options.logger.warn(`CAPI was not told of machine ${machineId}: ${messageOf(error)}`)
    }
  }
}

function ofItself(machineId: string): CapiMetrics {
  const now = new Date().toISOString()
  return { bouncers: [], machines: [{ name: machineId, version: VERSION, last_update: now, last_push: now }] }
}
