/**
 * `capi unblock`: lets machines ask CAPI at once, and lifts the pause of all of them, whichever is named. For when the cause is
 * mended; where it is not, the pause comes back.
 */

import { type CapiSession, storedMachine } from './capi-session.js'

export async function unblock(session: CapiSession, named: string | undefined): Promise<number> {
  const { client, output } = session
  const machineId = named === undefined ? undefined : await storedMachine(session, named)
  const wasPaused = (await client.breaker()) !== null
  const count = await client.unblock(machineId)
  const machines = `${count} ${count === 1 ? 'machine' : 'machines'} unblocked`
  output.result([wasPaused ? `${machines}; the pause of all is over` : machines], {
    unblocked: count,
    pause_lifted: wasPaused,
  })
  return 0
}
