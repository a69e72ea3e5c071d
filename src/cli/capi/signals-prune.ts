/** `capi signals prune`: deletes signals from the outbox, or says how many it would delete. */

import type { SignalCounts, SignalState } from '../../capi-client.js'
import { type CapiSession, filteredMachine } from './capi-session.js'

export interface SignalsPruneFlags {
  readonly state: SignalState | 'all'
  /** Milliseconds since they were stored. */
  readonly olderThan?: number
  readonly failingMachines?: boolean
  readonly dryRun?: boolean
  readonly machine?: string
}

export async function pruneSignals(session: CapiSession, flags: SignalsPruneFlags): Promise<number> {
  const { client, output } = session
  const { state, olderThan, dryRun = false } = flags
  if (flags.failingMachines === true) return pruneFailing(session, dryRun)
  const machineId = await filteredMachine(session, flags.machine)
  const filter = {
    ...(machineId === undefined ? {} : { machineId }),
    ...(olderThan === undefined ? {} : { olderThan }),
  }
  const count = dryRun
    ? countOf(await client.signalCounts(filter), state)
    : await client.pruneSignals({ ...filter, ...(state === 'all' ? {} : { state }) })
  output.result([deletedText(count, dryRun)], { matched: count, deleted: dryRun ? 0 : count })
  return 0
}

async function pruneFailing({ client, output }: CapiSession, dryRun: boolean): Promise<number> {
  const { machines, deleted } = await client.pruneFailingMachines({ dryRun })
  const matched = machines.reduce((sum, { signals }) => sum + signals, 0)
  for (const { machineId, reason, message, signals } of machines) {
    output.note(`machine ${machineId}, blocked (${reason}), ${signals} signals: ${message}`)
  }
  output.result([deletedText(dryRun ? matched : deleted, dryRun)], {
    matched,
    deleted,
    machines: machines.map(({ machineId, reason, message, signals }) => ({
      machine_id: machineId,
      reason,
      message,
      signals,
    })),
  })
  return 0
}

function countOf({ queued, sent, quarantined }: SignalCounts, state: SignalState | 'all'): number {
  const counts = { queued, sent, quarantined }
  return state === 'all' ? queued + sent + quarantined : counts[state]
}

function deletedText(count: number, dryRun: boolean): string {
  const signals = count === 1 ? '1 signal' : `${count} signals`
  return dryRun ? `${signals} would be deleted` : `${signals} deleted`
}
