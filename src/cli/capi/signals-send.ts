/** `capi signals send`: sends what is queued, once, and says what became of it. */

import type { SendProgress, SendReport } from '../../capi-client.js'
import { codeOf } from '../../thrown.js'
import type { CapiSession } from './capi-session.js'

export interface SignalsSendFlags {
  /** `false`: `--no-prune`. */
  readonly prune: boolean
  readonly batchSize?: number
}

/** 0: everything was sent, 1: some signals were not, 2: there were failures and nothing was sent. */
export async function sendSignals(session: CapiSession, { prune, batchSize }: SignalsSendFlags): Promise<number> {
  const { client, output, context } = session
  const { queued } = await client.signalCounts()
  const signal = context.untilInterrupted()
  const progressOf = new Map<string, SendProgress>()
  const report = await client.sendSignals({
    prune,
    ...(batchSize === undefined ? {} : { batchSize }),
    signal,
    onProgress: (progress) => {
      progressOf.set(progress.machineId, progress)
      const sent = [...progressOf.values()].reduce((sum, one) => sum + one.sent, 0)
      output.progress(`${sent} of ${queued} signals sent`)
    },
  })
  const { sent, quarantined, remaining, failures } = report
  if (signal.aborted) output.note('interrupted; what was not sent stays queued')
  if (quarantined > 0) output.note('for the reasons of those in quarantine: capi signals list --state quarantined')
  output.result([`${sent} sent, ${quarantined} quarantined, ${remaining} queued`], {
    sent,
    quarantined,
    remaining,
    interrupted: signal.aborted,
    failures: failures.map(({ machineId, error }) => ({
      machine_id: machineId,
      code: codeOf(error),
      message: error.message,
    })),
  })
  return exitCodeOf(report)
}

function exitCodeOf({ sent, quarantined, remaining, failures }: SendReport): number {
  if (failures.length > 0 && sent + quarantined === 0) return 2
  return remaining + quarantined > 0 ? 1 : 0
}
