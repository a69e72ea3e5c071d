/** `capi login`: gets a token where none is good, and says how long it holds. Never shows it. */

import { BouncerError } from '../../errors.js'
import { type CapiSession, chosenMachine } from './capi-session.js'
import { machineDocument, standingText, tokenText } from './machine-view.js'

export async function login(session: CapiSession, named: string | undefined): Promise<number> {
  const { client, output } = session
  const machineId = await chosenMachine(session, named)
  await client.login(machineId)
  const machine = (await client.machines()).find((one) => one.machineId === machineId)
  if (machine === undefined) throw new BouncerError('ERR_CSB_STATE', `machine ${machineId} was removed meanwhile`)
  const line = `${machineId}: ${standingText(machine.standing)}, token ${tokenText(machine)}`
  output.result([line], machineDocument(machine))
  return 0
}
