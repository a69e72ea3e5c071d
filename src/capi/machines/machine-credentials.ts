/** Who the machines are to CAPI: stored before it hears of them, and each known to one CAPI alone. */

import { BouncerError } from '../../errors.js'
import type { MachineRecord, MachineStorage } from './machine-storage.js'
import { generatePassword } from './password.js'
import { ACTIVE } from './standing.js'

export interface MachineCredentialsOptions {
  /** The base URL of the CAPI that is asked. */
  readonly target: string
  readonly storage: Pick<MachineStorage, 'add' | 'addFirst' | 'get' | 'update'>
  readonly now: () => number
}

export class MachineCredentials {
  readonly #options: MachineCredentialsOptions

  constructor(options: MachineCredentialsOptions) {
    this.#options = options
  }

  /** The stored machine; where it is new, with a password of its own. Throws `ERR_CSB_CONFIG` where another CAPI has confirmed it. */
  async known(machineId: string): Promise<MachineRecord> {
    const { target } = this.#options
    const machine = await this.#stored(machineId, undefined)
    if (machine.api !== null && machine.api !== target) throw elsewhere(machineId, machine.api, target)
    return machine
  }

  /**
   * The stored machine, with the password that the user says is right. Throws `ERR_CSB_STATE` where another one has worked and
   * nothing speaks against it.
   */
  async give(machineId: string, password: string): Promise<MachineRecord> {
    const { storage, target } = this.#options
    const machine = await this.#stored(machineId, password)
    const isOther = machine.password !== password
    if (isOther && machine.api !== null && machine.standing.state !== 'blocked') throw anotherWorks(machineId)
    if (!isOther && (machine.api === null || machine.api === target)) return machine
    const changes = {
      // At another CAPI it is registered anew: where it is the same by another way, that answers "already registered".
      api: machine.api === target ? target : null,
      token: null,
      tokenExpiresAt: null,
      isGiven: true,
      ...(isOther ? { password, standing: ACTIVE } : {}),
    }
    await storage.update(machineId, changes)
    return { ...machine, ...changes }
  }

  /** Stores a machine where there is none at all. */
  async addFirst(machineId: string): Promise<void> {
    await this.#options.storage.addFirst(this.#newMachine(machineId, undefined))
  }

  async #stored(machineId: string, password: string | undefined): Promise<MachineRecord> {
    const { storage } = this.#options
    const stored = await storage.get(machineId)
    if (stored !== null) return stored
    const machine = this.#newMachine(machineId, password)
    if (await storage.add(machine)) return machine
    const other = await storage.get(machineId) // another process was faster
    if (other !== null) return other
    throw new BouncerError('ERR_CSB_STORAGE', `The storage neither takes machine ${machineId} nor has it`)
  }

  /** CAPI has not heard of it from us. */
  #newMachine(machineId: string, password: string | undefined): MachineRecord {
    return {
      machineId,
      password: password ?? generatePassword(),
      isGiven: password !== undefined,
      api: null,
      token: null,
      tokenExpiresAt: null,
      scenarios: [],
      standing: ACTIVE,
      createdAt: this.#options.now(),
    }
  }
}

function anotherWorks(machineId: string): BouncerError {
  const message = `Machine ${machineId} has logged in with another password; remove it first if this one is right`
  return new BouncerError('ERR_CSB_STATE', message)
}

/** A password that one CAPI has given is none of the others' business, and would end in a 403 and a pause of an hour. */
function elsewhere(machineId: string, confirmedBy: string, asked: string): BouncerError {
  const message =
    `Machine ${machineId} is registered with ${confirmedBy}, and ${asked} is asked: give each CAPI a storage of its own, or, if` +
    ' this is another way to the same one, add the machine again with its password'
  return new BouncerError('ERR_CSB_CONFIG', message)
}
