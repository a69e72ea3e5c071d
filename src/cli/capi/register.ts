/** `capi register`: makes a machine known to CAPI, confirmed by a login. */

import { generateMachineId, MACHINE_ID_LENGTH, randomMachineId } from '../../capi/machines/machine-id.js'
import { BouncerError } from '../../errors.js'
import type { CapiSession } from './capi-session.js'

export interface RegisterFlags {
  readonly machineId?: string
  readonly key?: string
  readonly prefix?: string
}

/** One that is registered already is left as it is. */
export async function register(session: CapiSession, flags: RegisterFlags): Promise<number> {
  const { client, configuration, output } = session
  const { capiMachineId, capiPassword } = configuration
  const machineId = await wantedId(session, flags)
  const password = machineId === capiMachineId ? capiPassword?.reveal() : undefined
  const isNew = (await client.addMachine(machineId, password)).registration === 'pending'
  if (isNew) await client.login(machineId)
  const { api, storage } = client.targets
  output.note(
    isNew
      ? `registered with ${api} and confirmed by a login; kept in ${storage}`
      : `registered already; kept in ${storage}`,
  )
  output.result([machineId], { machine_id: machineId, outcome: isNew ? 'registered' : 'registered already' })
  return 0
}

async function wantedId({ client, configuration }: CapiSession, { machineId, key, prefix }: RegisterFlags) {
  if (machineId !== undefined) {
    if (key === undefined && prefix === undefined) return checkedId(machineId)
    throw new BouncerError('ERR_CSB_CONFIG', '--machine-id: is the whole id; leave --key and --prefix away')
  }
  // As long as CAPI takes it: with a prefix the SDK's own would be longer.
  if (key !== undefined) return checkedId(generateMachineId(key, { prefix, total: 'whole' }))
  const machines = await client.machines()
  if (prefix !== undefined) {
    // An earlier try of the same command that failed half-way: CAPI may know that machine.
    const begun = machines.find((one) => one.registration === 'pending' && one.machineId.startsWith(prefix))
    return begun?.machineId ?? randomMachineId(prefix)
  }
  const [stored] = machines
  return configuration.capiMachineId ?? stored?.machineId ?? randomMachineId()
}

/** A login demands it (swagger of CAPI v3), a registration does not: the machine would be registered and of no use. */
function checkedId(machineId: string): string {
  if (/^[A-Za-z0-9]+$/.test(machineId) && machineId.length === MACHINE_ID_LENGTH) return machineId
  const shown = JSON.stringify(machineId.length > 60 ? `${machineId.slice(0, 60)}...` : machineId)
  throw new BouncerError('ERR_CSB_CONFIG', `machine id: expected ${MACHINE_ID_LENGTH} letters and digits, got ${shown}`)
}
