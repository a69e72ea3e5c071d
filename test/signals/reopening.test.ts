/** What works on a storage is opened anew where its file is lost: once, after the old one is closed, with what was known of its machines. */

import { expect, it, vi } from 'vitest'
import { BouncerError } from '../../src/errors.js'
import { FailureLog } from '../../src/failure-log.js'
import { silentLogger } from '../../src/logger.js'
import { KnownMachines } from '../../src/signals/storage/known-machines.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import { Reopening } from '../../src/signals/storage/reopening.js'
import type { Storage } from '../../src/signals/storage/storage.js'
import { machineOf } from './storage-behaviour.js'

const LOST = new BouncerError('ERR_CSB_STORAGE', 'lost')
const END = new BouncerError('ERR_CSB_STATE', 'over')

interface Open {
  readonly storage: Storage
  readonly nth: number
  lose(): void
}

/** Tells in `steps` what is opened and closed. */
function reopening() {
  const steps: string[] = []
  const told: Error[] = []
  let count = 0
  const made = new Reopening<Open>({
    open: async (onLost) => {
      const nth = ++count
      steps.push(`open ${nth}`)
      return { storage: new MemoryStorage(), nth, lose: () => onLost(LOST) }
    },
    close: async ({ nth }) => {
      steps.push(`close ${nth}`)
      await Promise.resolve()
      steps.push(`closed ${nth}`)
    },
    failures: new FailureLog(silentLogger, 'error'),
    onLost: (error) => void told.push(error),
  })
  return { made, steps, told }
}

it('is opened anew once, however many notice the loss, and whoever noticed begins again', async () => {
  const { made, steps, told } = reopening()
  const work = async (open: Open) => {
    if (open.nth > 1) return open.nth
    open.lose()
    throw LOST
  }
  expect(await Promise.all([1, 2, 3].map(() => made.run(work)))).toEqual([2, 2, 2])
  expect(steps).toEqual(['open 1', 'close 1', 'closed 1', 'open 2'])
  expect(told).toEqual([LOST])
  expect(made.current?.nth).toBe(2)
})

it('hears no more of one that is closed, and of nothing after the end', async () => {
  const { made, steps, told } = reopening()
  const first = await made.opened()
  first.lose()
  const second = await made.opened()
  first.lose()
  expect([told.length, made.current]).toEqual([1, second])
  await made.close(END)
  second.lose()
  await expect(made.opened()).rejects.toBe(END)
  expect(steps).toEqual(['open 1', 'close 1', 'closed 1', 'open 2', 'close 2', 'closed 2'])
  expect([told.length, made.current]).toEqual([1, null])
})

it('fails with what the work threw where nothing is lost', async () => {
  const { made, steps } = reopening()
  const work = vi.fn(() => Promise.reject(END))
  await expect(made.run(work)).rejects.toBe(END)
  expect(work).toHaveBeenCalledOnce()
  expect(steps).toEqual(['open 1'])
})

it('that ends while it is opened anew is closed', async () => {
  const { made, steps } = reopening()
  const first = await made.opened()
  first.lose()
  await made.close(END)
  expect(steps.filter((step) => step.startsWith('close '))).toHaveLength(
    steps.filter((step) => /open/.test(step)).length,
  )
  expect(made.current).toBeNull()
})

it('known machines are those that were seen, as they were last', async () => {
  const known = new KnownMachines()
  const { machines } = new MemoryStorage()
  const watched = known.watch(machines)
  const all = async () => {
    const storage = new MemoryStorage()
    await known.putInto(storage.machines)
    return storage.machines.list()
  }
  const [one, two, three] = ['m1', 'm2', 'm3'].map((id) => machineOf(id))
  await machines.add(one)
  expect(await all()).toEqual([])
  expect([await watched.addFirst(three), await watched.add(one)]).toEqual([false, false])
  expect(await all()).toEqual([])
  await watched.get('m1')
  await watched.add(two)
  await watched.update('m2', { token: 't', tokenExpiresAt: 5 })
  await watched.update('m3', { token: 't' })
  expect(await all()).toEqual([one, { ...two, token: 't', tokenExpiresAt: 5 }])
  await machines.remove(['m1'])
  await watched.get('m1')
  await watched.remove(['m2'])
  expect(await all()).toEqual([])
  await machines.add(three)
  await watched.list()
  expect([known.get('m3'), known.get('m2')]).toEqual([three, null])
})

it('the pause of all is put into a new storage that has none', async () => {
  const known = new KnownMachines()
  const watched = known.watch(new MemoryStorage().machines)
  const [old, mine, other] = [1, 2, 3].map((until) => ({ until, pause: 1, message: `until ${until}` }))
  const [fresh, used] = [new MemoryStorage().machines, new MemoryStorage().machines]
  await watched.setBreaker(old)
  await watched.setBreaker(mine)
  await used.setBreaker(other)
  for (const machines of [fresh, used]) await known.putInto(machines)
  expect([await fresh.breaker(), await used.breaker()]).toEqual([mine, other])
  await watched.setBreaker(null)
  const later = new MemoryStorage().machines
  await known.putInto(later)
  expect(await later.breaker()).toBeNull()
})
