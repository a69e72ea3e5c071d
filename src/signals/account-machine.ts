/** Which machine of a storage an account is: the one of the options, the only one there is, or a new one. */

import { randomMachineId } from '../capi/machines/machine-id.js'
import type { MachineRecord } from '../capi/machines/machine-storage.js'
import type { Machines } from '../capi/machines/machines.js'
import { BouncerError } from '../errors.js'
import type { Storage } from './storage/storage.js'

export interface MachineChoice {
  /** Null: the only one in the storage. */
  readonly machineId: string | null
  readonly password: string | null
  /** Who the account was in a storage that is lost. It is put in again: another one would be registered, and enrolled by hand. */
  readonly before: MachineRecord | null
}

/** Its id. Adds it where it is new. Throws `ERR_CSB_CONFIG` where there are several to choose from. */
export async function pickMachine(
  storage: Storage,
  machines: Machines,
  { machineId, password, before }: MachineChoice,
): Promise<string> {
  if (machineId !== null) {
    if (before !== null) await storage.machines.add(before)
    await machines.add(machineId, password ?? undefined)
    return machineId
  }
  let known = await machines.list()
  if (known.length === 0) {
    if (before !== null) await storage.machines.addFirst(before)
    else await machines.addFirst(randomMachineId())
    known = await machines.list()
  }
  if (known.length > 1) {
    const message = `${storage.target} holds ${known.length} machines; say in capi_machine_id which of them this is`
    throw new BouncerError('ERR_CSB_CONFIG', message)
  }
  const [machine] = known
  if (machine === undefined) {
    throw new BouncerError('ERR_CSB_STORAGE', `${storage.target} neither takes a machine nor has one`)
  }
  return machine.machineId
}
