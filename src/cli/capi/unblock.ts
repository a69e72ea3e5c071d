/** `capi unblock`: lets machines ask CAPI at once. For when its cause is mended; where it is not, the pause comes back. */

import { type CapiSession, storedMachine } from './capi-session.js'

export async function unblock(session: CapiSession, named: string | undefined): Promise<number> {
  const { client, output } = session
  const machineId = named === undefined ? undefined : await storedMachine(session, named)
  const count = await client.unblock(machineId)
  output.result([`${count} ${count === 1 ? 'machine was' : 'machines were'} held back`], { unblocked: count })
  return 0
}
