/** Machines that CAPI will not have, and the signals that wait for them in vain. */

import type { BlockReason, MachineRecord, Standing } from '../capi/machines/machine-storage.js'
import type { Storage } from './storage/storage.js'

export interface FailingMachine {
  readonly machineId: string
  readonly reason: BlockReason
  /** What CAPI said. */
  readonly message: string
  /** How many the storage holds of it, in all states. */
  readonly signals: number
}

/** The oldest first. Neither a machine that backs off, nor one that was refused once, which may only have logged in too often. */
export async function failingMachines({ machines, signals }: Storage): Promise<readonly FailingMachine[]> {
  const failing: FailingMachine[] = []
  for (const { machineId, standing } of await machines.list()) {
    if (!isFailing(standing)) continue
    const { queued, sent, quarantined } = await signals.counts({ machineId })
    const { reason, message } = standing
    failing.push({ machineId, reason, message, signals: queued + sent + quarantined })
  }
  return failing
}

/** CAPI answers 403 to wrong credentials and to too many logins; after an hour it is the former. */
function isFailing(standing: MachineRecord['standing']): standing is Extract<Standing, { state: 'blocked' }> {
  return standing.state === 'blocked' && (standing.pause === null || standing.isRepeated === true)
}

export interface PruneReport {
  readonly machines: readonly FailingMachine[]
  /** Signals; 0 with `dryRun`. */
  readonly deleted: number
}

/** Deletes their signals, unless `dryRun` says to look only. */
export async function pruneFailing(
  storage: Storage,
  { dryRun = false }: { readonly dryRun?: boolean },
): Promise<PruneReport> {
  const machines = await failingMachines(storage)
  let deleted = 0
  if (!dryRun) for (const { machineId } of machines) deleted += await storage.signals.prune({ machineId })
  return { machines, deleted }
}
