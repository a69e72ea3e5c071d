/** The SQLite file of a client is lost while it runs: the next use opens it anew, with the machines that were in use. */

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type CapiClient, createCapiClient, openStorage } from '../../src/capi-client.js'
import { FakeCapi } from '../../src/testing/index.js'
import { signalsOf } from '../signals/scripted-capi.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { machineIdOf, SCENARIOS } from './connected-client.js'

const ONE = machineIdOf('one')
const TWO = machineIdOf('two')

interface Running {
  readonly capi: FakeCapi
  readonly client: CapiClient
  readonly folder: string
  readonly file: string
  /** `level: line`, without those for debugging. */
  readonly lines: string[]
  /** `METHOD path status`, since the last call. */
  trail(): string[]
}

async function run(): Promise<Running> {
  const folder = join(temporaryDirectory(), 'place')
  mkdirSync(folder)
  const file = join(folder, 'signals.db')
  const capi = await FakeCapi.start({ strict: true, attachmentKeys: ['key'] })
  const lines: string[] = []
  const at = (level: string) => (line: string) => void lines.push(`${level}: ${line}`)
  const client = await createCapiClient({
    url: `${capi.url}/v3`,
    scenarios: SCENARIOS,
    storage: `sqlite:${file}`,
    maxRetries: 0,
    logger: { debug() {}, info: at('info'), warn: at('warn'), error: at('error') },
  })
  onTestFinished(async () => {
    await client.close()
    await capi.stop()
  })
  let seen = 0
  const trail = () => {
    const fresh = capi.requests.slice(seen)
    seen = capi.requests.length
    return fresh.map(({ method, path, status }) => `${method} ${path.replace('/v3/', '')} ${status}`)
  }
  return { capi, client, folder, file, lines, trail }
}

const lostLine = (file: string, what = 'the file was deleted or moved away while it was in use') =>
  `error: The storage sqlite:${file} cannot be used: ${what}; it is opened anew, and what waited in the old file is not sent`

const openLine = (file: string) => `info: The storage sqlite:${file} is open now`

const allOf = (file: string) => [file, `${file}-wal`, `${file}-shm`]

describe('a file that is lost is opened anew', () => {
  it.each<[string, (file: string, folder: string) => void]>([
    ['deleted with all beside it', (file) => allOf(file).map((one) => rmSync(one))],
    ['deleted alone', (file) => rmSync(file)],
    ['moved away', (file) => renameSync(file, `${file}.old`)],
    ['gone with its folder', (_, folder) => renameSync(folder, `${folder}.old`)],
  ])('%s: with its machines, and is told once', async (_, remove) => {
    const { client, capi, folder, file, lines, trail } = await run()
    for (const machineId of [ONE, TWO]) await client.login(machineId)
    await client.addSignals(signalsOf(ONE, 3))
    const before = await client.machines()
    trail()
    remove(file, folder)
    mkdirSync(folder, { recursive: true })
    expect(await client.addSignals(signalsOf(TWO, 2))).toEqual({ added: 2, known: 0, dropped: 0 })
    expect(await client.machines()).toEqual(before)
    expect(await client.sendSignals()).toMatchObject({ sent: 2, remaining: 0, failures: [] })
    await client.login(ONE)
    expect(trail()).toEqual(['POST signals 200', 'POST metrics 200'])
    expect(lines).toEqual([lostLine(file), openLine(file)])
    expect(capi.machines().map(({ logins }) => logins)).toEqual([1, 1])
    await client.close()
    const anew = await openStorage(file)
    onTestFinished(() => anew.close())
    expect((await anew.machines.list()).map(({ machineId, token }) => [machineId, token === null])).toEqual(
      [ONE, TWO].map((machineId) => [machineId, false]),
    )
  })

  /** Each is the first use after the loss. */
  it.each<[string, (client: CapiClient) => Promise<unknown>, unknown]>([
    ['addSignals', (client) => client.addSignals(signalsOf(ONE, 1)), { added: 1 }],
    ['sendSignals', (client) => client.sendSignals(), { sent: 0, remaining: 0, failures: [] }],
    ['getDecisions', (client) => client.getDecisions(ONE), { new: [] }],
    ['pushMetrics', (client) => client.pushMetrics(ONE), undefined],
    ['login', (client) => client.login(ONE), undefined],
    ['enrollMachines', (client) => client.enrollMachines([ONE], { name: 'n', attachmentKey: 'key' }), [{}]],
    ['machines', (client) => client.machines(), [{ machineId: ONE, token: 'kept' }]],
    ['breaker', (client) => client.breaker(), null],
    ['addMachine', (client) => client.addMachine(ONE), { machineId: ONE, registration: 'confirmed' }],
    ['unblock', (client) => client.unblock(), 0],
    ['pruneFailingMachines', (client) => client.pruneFailingMachines(), { machines: [], deleted: 0 }],
    ['signalCounts', (client) => client.signalCounts(), { queued: 0 }],
    ['listSignals', (client) => client.listSignals(), []],
    ['pruneSignals', (client) => client.pruneSignals({}), 0],
    ['requeueSignals', (client) => client.requeueSignals(), 0],
  ])('by %s', async (_, call, expected) => {
    const { client, file, lines, trail } = await run()
    await client.login(ONE)
    await client.addSignals(signalsOf(ONE, 3))
    trail()
    rmSync(file)
    const result = await call(client)
    if (typeof expected === 'object' && expected !== null) expect(result).toMatchObject(expected)
    else expect(result).toBe(expected)
    expect(trail().filter((line) => line.includes(' watchers ') || line.includes('login'))).toEqual([])
    expect(lines).toEqual([lostLine(file), openLine(file)])
  })

  it('once for many calls at a time', async () => {
    const { client, file, lines } = await run()
    await client.login(ONE)
    rmSync(file)
    const added = await Promise.all(Array.from({ length: 20 }, () => client.addSignals(signalsOf(ONE, 5))))
    expect(added).toEqual(Array(20).fill({ added: 5, known: 0, dropped: 0 }))
    expect(await client.signalCounts()).toMatchObject({ queued: 100 })
    expect(lines).toEqual([lostLine(file), openLine(file)])
  })

  it('again, with a machine that came since and without one that was removed', async () => {
    const { client, file, lines } = await run()
    await client.login(ONE)
    rmSync(file)
    await client.login(TWO)
    await client.removeMachine(ONE)
    rmSync(file)
    expect((await client.machines()).map(({ machineId }) => machineId)).toEqual([TWO])
    expect(lines).toEqual([lostLine(file), openLine(file), lostLine(file), openLine(file)])
  })

  it('amid a run, which goes on and counts what CAPI took', async () => {
    const { client, capi, file, lines } = await run()
    await client.addSignals(signalsOf(ONE, 3))
    const isSignals = ({ path }: { readonly path: string }) => path === '/v3/signals'
    const report = await client.sendSignals({
      batchSize: 1,
      onProgress: ({ sent }) => {
        if (sent === 1) rmSync(file)
      },
    })
    expect(report).toEqual({ sent: 1, quarantined: 0, remaining: 0, failures: [] })
    expect(capi.requests.filter(isSignals)).toHaveLength(1)
    expect(lines).toEqual([lostLine(file), openLine(file)])
    expect(await client.machines()).toMatchObject([{ machineId: ONE, registration: 'confirmed' }])
  })

  it('as the one that has replaced it, with the machines of both', async () => {
    const { client, folder, file, lines } = await run()
    await client.login(ONE)
    const other = join(folder, 'other.db')
    const backup = await createCapiClient({ storage: `sqlite:${other}` })
    await backup.addMachine(TWO, 'pw')
    await backup.addSignals(signalsOf(TWO, 2))
    await backup.close()
    renameSync(other, file)
    expect(await client.signalCounts()).toMatchObject({ queued: 2 })
    const machines = await client.machines()
    expect(new Set(machines.map(({ machineId }) => machineId))).toEqual(new Set([ONE, TWO]))
    expect(lines).toEqual([lostLine(file, 'the file was replaced by another one while it was in use'), openLine(file)])
  })

  it('with the limits that it had', async () => {
    const file = join(temporaryDirectory(), 'signals.db')
    const client = await createCapiClient({ storage: `sqlite:${file}`, limits: { maxSignals: 2 } })
    onTestFinished(() => client.close())
    await client.signalCounts()
    rmSync(file)
    expect(await client.addSignals(signalsOf(ONE, 3))).toEqual({ added: 3, known: 0, dropped: 1 })
  })
})

describe('a file that cannot be opened anew', () => {
  it('fails each call until it can, and then has its machines', async () => {
    const { client, folder, file, lines, trail } = await run()
    await client.login(ONE)
    trail()
    rmSync(folder, { recursive: true })
    const refused = { code: 'ERR_CSB_STORAGE', message: expect.stringContaining('ENOENT') }
    await Promise.all([1, 2].map(() => expect(client.signalCounts()).rejects.toMatchObject(refused)))
    await expect(client.addSignals(signalsOf(ONE, 1))).rejects.toMatchObject(refused)
    mkdirSync(folder)
    expect(await client.addSignals(signalsOf(ONE, 1))).toMatchObject({ added: 1 })
    expect(await client.sendSignals()).toMatchObject({ sent: 1 })
    expect(trail()).toEqual(['POST signals 200', 'POST metrics 200'])
    expect(lines).toEqual([lostLine(file), openLine(file)])
  })

  it('since it is no database, is left as it is', async () => {
    const { client, file } = await run()
    for (const one of allOf(file)) rmSync(one)
    writeFileSync(file, 'my diary\n'.repeat(1000))
    const refused = { code: 'ERR_CSB_STORAGE', message: expect.stringContaining('the file is not a SQLite database') }
    for (let nth = 0; nth < 2; nth++) await expect(client.signalCounts()).rejects.toMatchObject(refused)
    rmSync(file)
    expect(await client.signalCounts()).toMatchObject({ queued: 0 })
  })

  it('does not hold up close()', async () => {
    const { client, folder } = await run()
    rmSync(folder, { recursive: true })
    await expect(client.signalCounts()).rejects.toMatchObject({ code: 'ERR_CSB_STORAGE' })
    await client.close()
    await expect(client.signalCounts()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
  })
})

it('close() while it is being opened anew leaves nothing open', async () => {
  const { client, file } = await run()
  await client.login(ONE)
  rmSync(file)
  const adding = client.addSignals(signalsOf(ONE, 1))
  await client.close()
  expect(await adding).toMatchObject({ added: 1 })
  const anew = await openStorage(file)
  onTestFinished(() => anew.close())
  expect(await anew.signals.counts()).toMatchObject({ queued: 1 })
})

it('a storage that was handed in is its owner’s to open anew', async () => {
  const file = join(temporaryDirectory(), 'signals.db')
  const storage = await openStorage(file)
  const client = await createCapiClient({ storage })
  onTestFinished(async () => {
    await client.close()
    await storage.close()
  })
  rmSync(file)
  for (let nth = 0; nth < 2; nth++) {
    await expect(client.signalCounts()).rejects.toMatchObject({ code: 'ERR_CSB_STORAGE' })
  }
})
