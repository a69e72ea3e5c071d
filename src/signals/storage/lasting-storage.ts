/** A storage that outlives the loss of its file: the next use opens it anew, with the machines that were in use. */

import type { MachineStorage } from '../../capi/machines/machine-storage.js'
import { BouncerError } from '../../errors.js'
import { FailureLog } from '../../failure-log.js'
import type { Logger } from '../../logger.js'
import { KnownMachines } from './known-machines.js'
import { openStorage } from './open-storage.js'
import { Reopening } from './reopening.js'
import type { OutboxLimits, SignalStorage } from './signal-storage.js'
import type { Storage } from './storage.js'

export interface LastingStorageOptions {
  readonly limits?: Partial<OutboxLimits>
  readonly logger: Logger
}

type Run = <Result>(work: (storage: Storage) => Promise<Result>) => Promise<Result>

/** `where` as `openStorage` has it. Throws `ERR_CSB_STORAGE` where it cannot be used, and so does each call while it cannot be opened anew. */
export async function openLastingStorage(where: string, { limits, logger }: LastingStorageOptions): Promise<Storage> {
  const known = new KnownMachines()
  const reopening = new Reopening<{ readonly storage: Storage }>({
    open: async (onLost) => {
      const storage = await openStorage(where, { limits, onLost })
      try {
        await known.putInto(storage.machines)
      } catch (error) {
        await storage.close().catch(() => {})
        throw error
      }
      const { signals, target } = storage
      const machines = known.watch(storage.machines)
      return { storage: { machines, signals, target, close: () => storage.close() } }
    },
    close: ({ storage }) => storage.close(),
    failures: new FailureLog(logger, 'error'),
  })
  const { target } = (await reopening.opened()).storage
  const run: Run = (work) => reopening.run(({ storage }) => work(storage))
  return {
    machines: machinesBy(run),
    signals: signalsBy(run),
    target,
    close: () => reopening.close(new BouncerError('ERR_CSB_STORAGE', `The storage ${target} is closed`)),
  }
}

function machinesBy(run: Run): MachineStorage {
  return {
    get: (machineId) => run(({ machines }) => machines.get(machineId)),
    list: () => run(({ machines }) => machines.list()),
    add: (machine) => run(({ machines }) => machines.add(machine)),
    addFirst: (machine) => run(({ machines }) => machines.addFirst(machine)),
    update: (machineId, changes) => run(({ machines }) => machines.update(machineId, changes)),
    remove: (machineIds) => run(({ machines }) => machines.remove(machineIds)),
    takeLogin: (claim, limit) => run(({ machines }) => machines.takeLogin(claim, limit)),
    endLogin: (owner, at) => run(({ machines }) => machines.endLogin(owner, at)),
    breaker: () => run(({ machines }) => machines.breaker()),
    setBreaker: (breaker) => run(({ machines }) => machines.setBreaker(breaker)),
  }
}

function signalsBy(run: Run): SignalStorage {
  return {
    add: (added) => run(({ signals }) => signals.add(added)),
    machinesWithQueued: () => run(({ signals }) => signals.machinesWithQueued()),
    claim: (request) => run(({ signals }) => signals.claim(request)),
    markSent: (uuids, options) => run(({ signals }) => signals.markSent(uuids, options)),
    release: (uuids, owner) => run(({ signals }) => signals.release(uuids, owner)),
    quarantine: (uuid, reason) => run(({ signals }) => signals.quarantine(uuid, reason)),
    requeue: (filter) => run(({ signals }) => signals.requeue(filter)),
    list: (filter) => run(({ signals }) => signals.list(filter)),
    counts: (filter) => run(({ signals }) => signals.counts(filter)),
    prune: (filter) => run(({ signals }) => signals.prune(filter)),
  }
}
