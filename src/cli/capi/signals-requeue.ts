/** `capi signals requeue`: puts signals from quarantine back into the queue, to be tried once more. */

import { type CapiSession, filteredMachine } from './capi-session.js'

export async function requeueSignals(session: CapiSession, named: string | undefined): Promise<number> {
  const { client, output } = session
  const machineId = await filteredMachine(session, named)
  const count = await client.requeueSignals(machineId === undefined ? {} : { machineId })
  output.result([`${count} ${count === 1 ? 'signal is' : 'signals are'} queued again`], { requeued: count })
  return 0
}
