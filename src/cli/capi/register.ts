/** `capi register`: makes a machine known to CAPI, confirmed by a login. */

import { generateMachineId, MACHINE_ID_LENGTH, randomMachineId } from '../../capi/machines/machine-id.js'
import { BouncerError } from '../../errors.js'
import type { CapiSession } from './capi-session.js'

export interface RegisterFlags {
  readonly machineId?: string
  readonly key?: string
  readonly prefix?: string
}

/** What the command line says, checked before the storage is opened, and so made. */
export function register(flags: RegisterFlags): (session: CapiSession) => Promise<number> {
  const wanted = wantedMachine(flags)
  return (session) => registerAs(wanted, session)
}

/** One that is registered already is left as it is. */
async function registerAs(wanted: WantedMachine, session: CapiSession): Promise<number> {
  const { client, configuration, output } = session
  const { capiMachineId, capiPassword } = configuration
  const machineId = await chosenId(wanted, session)
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

/** By its id; or a new one, unless there is one already. */
type WantedMachine =
  | { readonly id: string }
  | { readonly id: null; readonly prefix: string | undefined; readonly newId: string }

function wantedMachine({ machineId, key, prefix }: RegisterFlags): WantedMachine {
  if (machineId !== undefined) {
    if (key === undefined && prefix === undefined) return { id: checkedId(machineId) }
    throw new BouncerError('ERR_CSB_CONFIG', '--machine-id: is the whole id; leave --key and --prefix away')
  }
  // As long as CAPI takes it: with a prefix the SDK's own would be longer.
  if (key !== undefined) return { id: checkedId(generateMachineId(key, { prefix, total: 'whole' })) }
  return { id: null, prefix, newId: randomMachineId(prefix) }
}

async function chosenId(wanted: WantedMachine, { client, configuration }: CapiSession): Promise<string> {
  if (wanted.id !== null) return wanted.id
  const { prefix, newId } = wanted
  const machines = await client.machines()
  if (prefix !== undefined) {
    // An earlier try of the same command that failed half-way: CAPI may know that machine.
    const begun = machines.find((one) => one.registration === 'pending' && one.machineId.startsWith(prefix))
    return begun?.machineId ?? newId
  }
  const [stored] = machines
  return configuration.capiMachineId ?? stored?.machineId ?? newId
}

/** A login demands it (swagger of CAPI v3), a registration does not: the machine would be registered and of no use. */
function checkedId(machineId: string): string {
  if (/^[A-Za-z0-9]+$/.test(machineId) && machineId.length === MACHINE_ID_LENGTH) return machineId
  const shown = JSON.stringify(machineId.length > 60 ? `${machineId.slice(0, 60)}...` : machineId)
  throw new BouncerError('ERR_CSB_CONFIG', `machine id: expected ${MACHINE_ID_LENGTH} letters and digits, got ${shown}`)
}
