/** The machines that went through this process, as they were last: what a storage whose file is lost is given back. */

import type { MachineRecord, MachineStorage } from '../../capi/machines/machine-storage.js'

export class KnownMachines {
  readonly #records = new Map<string, MachineRecord>()

  get(machineId: string): MachineRecord | null {
    return this.#records.get(machineId) ?? null
  }

  all(): readonly MachineRecord[] {
    return [...this.#records.values()]
  }

  /** The same storage, of which each answer is noted. */
  watch(machines: MachineStorage): MachineStorage {
    const noteNew = (machine: MachineRecord, isNew: boolean) => {
      if (isNew) this.#note(machine)
      return isNew
    }
    return {
      get: async (machineId) => {
        const machine = await machines.get(machineId)
        // Another process may have removed it.
        if (machine === null) this.#records.delete(machineId)
        else this.#note(machine)
        return machine
      },
      list: async () => {
        const all = await machines.list()
        for (const machine of all) this.#note(machine)
        return all
      },
      add: async (machine) => noteNew(machine, await machines.add(machine)),
      addFirst: async (machine) => noteNew(machine, await machines.addFirst(machine)),
      update: async (machineId, changes) => {
        await machines.update(machineId, changes)
        const machine = this.#records.get(machineId)
        if (machine !== undefined) this.#note({ ...machine, ...changes })
      },
      remove: async (machineIds) => {
        await machines.remove(machineIds)
        for (const machineId of machineIds) this.#records.delete(machineId)
      },
      takeLogin: (claim, limit) => machines.takeLogin(claim, limit),
      endLogin: (owner, at) => machines.endLogin(owner, at),
      breaker: () => machines.breaker(),
      setBreaker: (breaker) => machines.setBreaker(breaker),
    }
  }

  #note(machine: MachineRecord): void {
    this.#records.set(machine.machineId, machine)
  }
}
