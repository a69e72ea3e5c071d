/** A simulated CAPI, a storage and the machines on them, by a clock of the test. */

import { CapiError } from '../../src/capi/capi-error.js'
import type { MachineRecord } from '../../src/capi/machines/machine-storage.js'
import { Machines, type MachinesOptions } from '../../src/capi/machines/machines.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import { SimulatedCapi } from './simulated-capi.js'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
export const NOW = Date.UTC(2026, 10, 22)

/** A world of its own: the clock of the machine (`now`) may be set, the real one (`time`) only goes on. */
export function world(over: Partial<MachinesOptions> = {}) {
  let time = NOW
  let offset = 0
  const capi = new SimulatedCapi(() => time)
  const storage = over.storage ?? new MemoryStorage().machines
  const lines: string[] = []
  const log = (message: string) => void lines.push(message)
  const options: MachinesOptions = {
    api: capi,
    storage,
    scenarios: ['crowdsecurity/ssh-bf', 'crowdsecurity/http-probing'],
    deadline: 10 * SECOND,
    now: () => time + offset,
    clock: () => time,
    random: () => 1,
    logger: { debug: log, info: log, warn: log, error: log },
    ...over,
  }
  const start = (more: Partial<MachinesOptions> = {}) => new Machines({ ...options, ...more })
  const machines = start()
  return {
    capi,
    storage,
    machines,
    lines,
    /** Another process, or the same one after a restart. */
    start,
    /** One request of a machine; the code of its error, or `OK`. */
    ask: (machineId = 'one', by = machines): Promise<string> =>
      by.withToken(machineId, new AbortController().signal, (token) => capi.ask(machineId, token)).catch(codeOf),
    pass(milliseconds: number) {
      time += milliseconds
    },
    setClock(milliseconds: number) {
      offset += milliseconds
    },
    now: () => time + offset,
    record: async (machineId = 'one'): Promise<MachineRecord> => {
      const record = await storage.get(machineId)
      if (record === null) throw new Error(`no ${machineId}`)
      return record
    },
  }
}

export function codeOf(error: unknown): string {
  return error instanceof CapiError ? error.code.slice('ERR_CSB_'.length) : `${(error as { code?: string }).code}`
}

export async function errorOf(promise: Promise<unknown>): Promise<CapiError> {
  const error = await promise.then(
    () => null,
    (cause: unknown) => cause,
  )
  if (!(error instanceof CapiError)) throw new Error(`expected a CapiError, got ${error}`)
  return error
}
