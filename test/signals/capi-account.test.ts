/** Who a process is to CAPI: which machine it takes, and what it does while the storage cannot be opened. */

import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { CapiApi } from '../../src/capi/api/capi-api.js'
import { randomMachineId } from '../../src/capi/machines/machine-id.js'
import { BouncerError } from '../../src/errors.js'
import { silentLogger } from '../../src/logger.js'
import { CapiAccount, type CapiAccountOptions } from '../../src/signals/capi-account.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import type { Storage } from '../../src/signals/storage/storage.js'

const api = new CapiApi({ baseUrl: 'http://127.0.0.1:1/v3', userAgent: 'test/v1' })
const BUSY = new BouncerError('ERR_CSB_STORAGE', 'the database is locked')

function account(storage: Storage, over: Partial<CapiAccountOptions> = {}): CapiAccount {
  const made = new CapiAccount({
    api,
    open: async () => storage,
    scenarios: ['me/x'],
    machineId: null,
    password: null,
    logger: silentLogger,
    onError: () => {},
    ...over,
  })
  onTestFinished(() => made.close())
  return made
}

describe('the machine', () => {
  it('is made, and is the same after a restart', async () => {
    const storage = new MemoryStorage()
    const { machineId } = await account(storage).opened()
    expect(machineId).toMatch(/^[a-z0-9]{48}$/)
    expect((await account(storage).opened()).machineId).toBe(machineId)
    expect(await storage.machines.list()).toHaveLength(1)
  })

  it('is one for all processes that begin at once', async () => {
    const storage = new MemoryStorage()
    const opened = await Promise.all([1, 2, 3, 4].map(() => account(storage).opened()))
    const known = await storage.machines.list()
    expect(known).toHaveLength(1)
    expect(opened.map(({ machineId }) => machineId)).toEqual(Array(4).fill(known[0].machineId))
  })

  it('is the one that the options name, beside others, with its password', async () => {
    const storage = new MemoryStorage()
    const [machineId, other] = [randomMachineId(), randomMachineId()]
    await account(storage, { machineId: other }).opened()
    const mine = account(storage, { machineId, password: 'p' })
    expect((await mine.opened()).machineId).toBe(machineId)
    expect(await storage.machines.get(machineId)).toMatchObject({ password: 'p', registration: 'pending' })
    await expect(account(storage).opened()).rejects.toThrow('memory holds 2 machines; say in capi_machine_id which')
    const mistaken = account(storage, { machineId, password: 'q' })
    await expect(mistaken.opened()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
  })
})

describe('a storage that cannot be opened', () => {
  it('is tried again, told once, and serves from then on', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    const onError = vi.fn()
    let tries = 0
    const storage = new MemoryStorage()
    const open = async () => {
      tries++
      if (tries < 4) throw BUSY
      return storage
    }
    const made = account(storage, { open, onError, logger: { ...silentLogger, error: write, info: write } })
    made.start()
    await expect(made.add([])).rejects.toBe(BUSY)
    await expect(made.opened()).rejects.toBe(BUSY)
    expect([tries, made.current]).toEqual([1, null])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(tries).toBe(4)
    expect((await made.opened()).storage).toBe(storage)
    expect(made.current?.storage).toBe(storage)
    expect(await made.add([])).toEqual({ added: 0, known: 0, dropped: 0 })
    expect(onError).toHaveBeenCalledTimes(3)
    expect(lines).toEqual([
      'CAPI cannot be used, and is tried again, because of its storage: the database is locked',
      'The storage memory is open now',
    ])
  })

  it('is let go of when the bouncer stops meanwhile, and who waits for it is not held up', async () => {
    let opened: (storage: Storage) => void = () => {}
    const close = vi.fn(async () => {})
    const open = () => new Promise<Storage>((resolve) => { opened = resolve }) // biome-ignore format: one line
    const made = account(new MemoryStorage(), { open })
    made.start()
    const abort = new AbortController()
    const asked = made.withToken('', abort.signal, async () => 'never')
    abort.abort(BUSY)
    await expect(asked).rejects.toBe(BUSY)
    const closed = made.close()
    opened(Object.assign(new MemoryStorage(), { close }))
    await closed
    expect(close).toHaveBeenCalledOnce()
    await expect(made.opened()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
  })

  it('is closed also where it hangs for longer than the bouncer waits for it', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const close = vi.fn(async () => {})
    const storage = Object.assign(new MemoryStorage(), { close })
    const made = account(storage)
    let opening: Promise<unknown> = Promise.resolve()
    const answer = await new Promise<() => void>((asked) => {
      storage.machines.list = () => new Promise((resolve) => asked(() => resolve([])))
      opening = made.opened()
    })
    const closed = made.close()
    await vi.advanceTimersByTimeAsync(2000)
    await closed
    expect(close).not.toHaveBeenCalled()
    Reflect.deleteProperty(storage.machines, 'list')
    answer()
    await expect(opening).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    expect(close).toHaveBeenCalledOnce()
    expect(made.current).toBeNull()
  })
})
