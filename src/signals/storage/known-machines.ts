/** The machines that went through this process, and the pause of all, as they were last: what a storage whose file is lost is given back. */

import type { Breaker, MachineRecord, MachineStorage } from '../../capi/machines/machine-storage.js'

export class KnownMachines {
  readonly #records = new Map<string, MachineRecord>()
  #breaker: Breaker | null = null

  get(machineId: string): MachineRecord | null {
    return this.#records.get(machineId) ?? null
  }

  /** What another process has put there meanwhile stays. */
  async putInto(machines: MachineStorage): Promise<void> {
    for (const machine of [...this.#records.values()]) await machines.add(machine)
    if (this.#breaker !== null && (await machines.breaker()) === null) await machines.setBreaker(this.#breaker)
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
        this.#records.clear()
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
      breaker: async () => {
        this.#breaker = await machines.breaker()
        return this.#breaker
      },
      setBreaker: async (breaker) => {
        await machines.setBreaker(breaker)
        this.#breaker = breaker
      },
    }
  }

  #note(machine: MachineRecord): void {
    this.#records.set(machine.machineId, machine)
  }
}
