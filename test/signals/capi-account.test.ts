/** Who a process is to CAPI: which machine it takes, and what it does while the storage cannot be opened. */

import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { CapiApi } from '../../src/capi/api/capi-api.js'
import { randomMachineId } from '../../src/capi/machines/machine-id.js'
import { BouncerError } from '../../src/errors.js'
import { silentLogger } from '../../src/logger.js'
import { CapiAccount, type CapiAccountOptions } from '../../src/signals/capi-account.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import type { Storage } from '../../src/signals/storage/storage.js'
import { FakeCapi } from '../../src/testing/fake-capi.js'
import { signalsOf } from './scripted-capi.js'

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

/** Those that were set since for so many milliseconds, up to twice as many. */
function timersOf(): (milliseconds: number) => string[] {
  const set = vi.spyOn(globalThis, 'setTimeout')
  onTestFinished(() => set.mockRestore())
  return (milliseconds) => {
    const timers = set.mock.results.filter((_, nth) => {
      const [, delay = 0] = set.mock.calls[nth]
      return delay >= milliseconds && delay <= 2 * milliseconds
    })
    return timers.map(({ value }) => (value.hasRef() ? 'keeps the process alive' : 'in the background'))
  }
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
    expect(await storage.machines.get(machineId)).toMatchObject({ password: 'p', api: null })
    await account(storage, { machineId, password: 'corrected' }).opened()
    expect(await storage.machines.get(machineId)).toMatchObject({ password: 'corrected', api: null })
    await storage.machines.update(machineId, { api: api.target })
    await expect(account(storage).opened()).rejects.toThrow('memory holds 2 machines; say in capi_machine_id which')
    const mistaken = account(storage, { machineId, password: 'q' })
    await expect(mistaken.opened()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
  })
})

it('logs in as often as it may', async () => {
  const capi = await FakeCapi.start()
  onTestFinished(() => capi.stop())
  const over = { api: new CapiApi({ baseUrl: `${capi.url}/v3`, userAgent: 'test/v1' }), loginBudget: 1 }
  const storage = new MemoryStorage()
  const { machines, machineId } = await account(storage, over).opened()
  const { signal } = new AbortController()
  await machines.login(machineId, signal)
  await expect(machines.login(randomMachineId(), signal)).rejects.toMatchObject({ code: 'ERR_CSB_CAPI_BUDGET' })
})

describe('the end', () => {
  it('closes what was opened, and says what cannot be closed', async () => {
    const capi = new CapiApi({ baseUrl: 'http://127.0.0.1:1/v3', userAgent: 'test/v1' })
    const lines: string[] = []
    const close = vi.fn(async () => Promise.reject(BUSY))
    const storage = Object.assign(new MemoryStorage(), { close })
    const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) }
    const made = account(storage, { api: capi, logger })
    const { machines, machineId } = await made.opened()
    await made.close()
    expect(close).toHaveBeenCalledOnce()
    expect(lines).toEqual(['Closing what CAPI needed failed: BouncerError: the database is locked'])
    const { signal } = new AbortController()
    await expect(machines.withToken(machineId, signal, async () => '')).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    const login = capi.login({ machineId, password: 'p', scenarios: [], deadline: 1000, signal })
    await expect(login).rejects.toThrow('UND_ERR_DESTROYED')
    expect(made.current).toBeNull()
  })

  it('leaves no timer behind: neither its own, nor one for the next try', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const opened = account(new MemoryStorage())
    await opened.opened()
    await opened.close()
    const failing = account(new MemoryStorage(), { open: async () => Promise.reject(BUSY) })
    await expect(failing.opened()).rejects.toBe(BUSY)
    expect(vi.getTimerCount()).toBe(1)
    await failing.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is not disturbed by a storage that fails to open meanwhile', async () => {
    let fail: (error: Error) => void = () => {}
    const onError = vi.fn()
    const open = () => new Promise<Storage>((_, reject) => { fail = reject }) // biome-ignore format: one line
    const made = account(new MemoryStorage(), { open, onError })
    const opening = made.opened()
    const closed = made.close()
    fail(BUSY)
    await expect(opening).rejects.toBe(BUSY)
    await closed
    expect(onError).not.toHaveBeenCalled()
  })
})

describe('a send', () => {
  it('that waits for its next try keeps no process alive', async () => {
    const timers = timersOf()
    const capi = await FakeCapi.start()
    onTestFinished(() => capi.stop())
    const api = new CapiApi({ baseUrl: `${capi.url}/v3`, userAgent: 'test/v1' })
    const lines: string[] = []
    const logger = { ...silentLogger, debug: (line: string) => void lines.push(line) }
    const made = account(new MemoryStorage(), { api, logger })
    const { storage, machineId } = await made.opened()
    await storage.signals.add(signalsOf(machineId, 1))
    capi.fault({ kind: 'status', status: 503, headers: { 'retry-after': '50' } })
    const abort = new AbortController()
    const sending = made.send({ signal: abort.signal })
    await expect.poll(() => lines).toContainEqual(expect.stringMatching(/; next try in 5\d{4} ms$/))
    expect(timers(50_000)).toEqual(['in the background'])
    abort.abort()
    await sending
  })
})

describe('a storage that cannot be opened', () => {
  it('keeps no process alive', async () => {
    const timers = timersOf()
    await expect(account(new MemoryStorage(), { open: async () => Promise.reject(BUSY) }).opened()).rejects.toBe(BUSY)
    expect(timers(500)).toEqual(['in the background'])
  })

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
    const storage = Object.assign(new MemoryStorage(), { close })
    opened(storage)
    await closed
    expect(close).toHaveBeenCalledOnce()
    expect(await storage.machines.list()).toEqual([])
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
    expect(vi.getTimerCount()).toBe(0)
    expect(close).toHaveBeenCalledOnce()
    expect(made.current).toBeNull()
  })
})
