/** `capi signals requeue`: puts signals from quarantine back into the queue, to be tried once more. */

import type { CapiSession } from './capi-session.js'

export async function requeueSignals({ client, output }: CapiSession, machineId: string | undefined): Promise<number> {
  const count = await client.requeueSignals(machineId === undefined ? {} : { machineId })
  output.result([`${count} ${count === 1 ? 'signal is' : 'signals are'} queued again`], { requeued: count })
  return 0
}
