/** Blocked requests and what users report arrive at CAPI as signals: the whole way, over real HTTP. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { validateSignal } from '../src/capi/signals/signal-schema.js'
import { type Bouncer, type BouncerOptions, createBouncer } from '../src/index.js'
import type { Logger } from '../src/logger.js'
import { loadSqlite } from '../src/signals/storage/sql/sqlite-library.js'
import { FakeCapi, type FakeCapiOptions } from '../src/testing/fake-capi.js'
import { FACES, type Face } from './middleware/faces.js'
import { decision, listSource } from './source-of-decisions.js'
import { temporaryDirectory } from './temporary-directory.js'

const BANNED = '1.2.3.4'
const LISTED = '1.2.3.5'

const DECISIONS = [
  decision({ value: BANNED, scenario: 'me/x' }),
  decision({ value: LISTED, origin: 'lists', scenario: 'a-list' }),
  decision({ value: '1.2.3.6', origin: 'CAPI', scenario: 'me/x' }),
  decision({ value: '1.2.3.7', scenario: 'by hand' }),
  decision({ value: '10.0.0.1', scenario: 'me/x' }),
]

async function fakeCapi(options: FakeCapiOptions = {}): Promise<FakeCapi> {
  const capi = await FakeCapi.start({ strict: true, ...options })
  onTestFinished(() => capi.stop())
  return capi
}

function reportingTo(capi: FakeCapi, over: Partial<BouncerOptions> = {}): BouncerOptions {
  return {
    sources: [listSource(DECISIONS)],
    trustedProxies: ['loopback'],
    report: true,
    capiUrl: `${capi.url}/v3`,
    capiScenarios: ['me/x', 'me/login'],
    capiStorage: 'memory',
    ...over,
  }
}

async function start(options: BouncerOptions): Promise<Bouncer> {
  const bouncer = createBouncer(options)
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  return bouncer
}

/** `level: line`, of those that operators see and that tell of no visitor. */
function linesOf(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const at = (level: string) => (line: string) => {
    if (!line.includes(' gets a ban by ')) lines.push(`${level}: ${line}`)
  }
  return { logger: { debug() {}, info: at('info'), warn: at('warn'), error: at('error') }, lines }
}

async function millisecondsOf(work: Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work
  return performance.now() - began
}

interface App {
  readonly bouncer: Bouncer
  /** The status of the answer. */
  visit(from: string, path?: string, headers?: Readonly<Record<string, string>>): Promise<number>
}

async function runApp(face: Face, options: BouncerOptions): Promise<App> {
  const bouncer = await start(options)
  const app = await face.run({ guards: [{ options: bouncer }] })
  onTestFinished(() => app.close())
  return {
    bouncer,
    visit: (from, path = '/', headers = {}) =>
      new Promise((resolve, reject) => {
        const sent = { host: 'shop.example', 'user-agent': 'bot/1', 'x-forwarded-for': from, ...headers }
        request({ port: app.port, path, headers: sent }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
        })
          .on('error', reject)
          .end()
      }),
  }
}

/** `key=value`, without the figures of every signal. */
function contextOf(capi: FakeCapi, index = 0): readonly string[] {
  const { context } = validateSignal(capi.signals[index]?.signal)
  return context.slice(4).map(({ key, value }) => `${key}=${value}`)
}

describe.each(FACES.map((face) => [face.name, face] as const))('%s', (_, face) => {
  it('tells who was blocked, as one signal, without query and cookies', async () => {
    const capi = await fakeCapi()
    const { bouncer, visit } = await runApp(face, reportingTo(capi))
    const secrets = { cookie: 'session=secret' }
    expect(await visit(BANNED, '/wp-login.php?token=secret', secrets)).toBe(403)
    expect(await visit(BANNED, '/.env', { 'user-agent': 'bot/2' })).toBe(403)
    expect(await visit('9.9.9.9')).toBe(200)
    expect(await bouncer.sendSignals()).toEqual({ sent: 1, quarantined: 0, remaining: 0, failures: [] })
    const [{ signal, machineId }] = capi.signals
    expect(validateSignal(signal)).toMatchObject({ machine_id: machineId, scenario: 'me/x', source: { value: BANNED } })
    expect(contextOf(capi)).toEqual([
      'method=GET', 'target_uri=/wp-login.php', 'target_uri=/.env', 'user_agent=bot/1', 'user_agent=bot/2', 'status=403',
    ]) // biome-ignore format: one line
    expect(JSON.stringify(signal)).not.toContain('secret')
  })

  it('tells query, host and cookies where that is asked for', async () => {
    const capi = await fakeCapi()
    const { bouncer, visit } = await runApp(face, reportingTo(capi, { reportContext: ['host', 'query', 'cookies'] }))
    await visit(BANNED, '/search?q=a%20b&x=1', { cookie: 'a=b' })
    await bouncer.sendSignals()
    expect(contextOf(capi)).toEqual(['target_fqdn=shop.example', 'query=q=a%20b&x=1', 'cookies=a=b'])
  })

  it('tells nothing of what is let pass, tried only, private, or said by the community', async () => {
    const capi = await fakeCapi()
    const trial = await runApp(face, reportingTo(capi, { dryRun: true }))
    expect(await trial.visit(BANNED)).toBe(200)
    const { bouncer, visit } = await runApp(face, reportingTo(capi, { banAnswer: () => { throw new Error('bug') } })) // biome-ignore format: one line
    for (const from of [LISTED, '1.2.3.6', '1.2.3.7', '10.0.0.1']) expect(await visit(from)).toBe(403)
    expect(await trial.bouncer.sendSignals()).toMatchObject({ sent: 0 })
    expect(await bouncer.sendSignals()).toMatchObject({ sent: 0 })
    expect(bouncer.stats().signals?.dropped).toEqual({ origin: 2, scenario: 1, special_address: 1 })
    expect(trial.bouncer.stats().signals?.dropped).toEqual({})
  })
})

const [express] = FACES

it('redact sees each request, and its failure blocks nobody less', async () => {
  const capi = await fakeCapi()
  const seen: unknown[] = []
  const redact: BouncerOptions['redact'] = (context) => {
    seen.push(context)
    if (context.path === '/throws') throw new Error('bug')
    if (context.path === '/promise') return Promise.reject(new Error('bug')) as never
    return context.path === '/health' ? null : { ...context, path: '/***' }
  }
  const warnings: string[] = []
  const logger = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line), error() {} }
  const { bouncer, visit } = await runApp(express, reportingTo(capi, { redact, logger, reportContext: ['path'] }))
  for (const path of ['/health', '/throws', '/promise', '/secret?x=1']) expect(await visit(BANNED, path)).toBe(403)
  await bouncer.sendSignals()
  expect(contextOf(capi)).toEqual(['target_uri=/***'])
  expect(seen).toEqual([{ path: '/health' }, { path: '/throws' }, { path: '/promise' }, { path: '/secret' }])
  expect(bouncer.stats().signals?.dropped).toEqual({ redacted: 1 })
  expect(warnings).toEqual([expect.stringMatching(/^CSB_REDACT: redact failed, .*bug$/)])
})

it('the status that is told is the one that was answered', async () => {
  const capi = await fakeCapi()
  const options = reportingTo(capi, { banReturnCode: 429, reportContext: ['status'] })
  const { bouncer, visit } = await runApp(express, options)
  expect(await visit(BANNED)).toBe(429)
  await bouncer.sendSignals()
  expect(contextOf(capi)).toEqual(['status=429'])
})

it('check and ask without a gate are told too, without context', async () => {
  const capi = await fakeCapi()
  const bouncer = await start(reportingTo(capi))
  bouncer.check(BANNED)
  await bouncer.ask(`::ffff:${BANNED}`)
  bouncer.explain(BANNED)
  await bouncer.sendSignals()
  expect(capi.signals).toHaveLength(1)
  expect(capi.signals[0].signal['message']).toMatch(/^Ip 1\.2\.3\.4 got a ban by a decision of cscli \(2 requests/)
  expect(contextOf(capi)).toEqual([])
  const trial = await start(reportingTo(capi, { dryRun: true }))
  trial.check(BANNED)
  expect(await trial.sendSignals()).toMatchObject({ sent: 0 })
})

test.each<[Partial<BouncerOptions>, readonly string[]]>([
  [{ reportOrigins: ['lists', 'CAPI'], reportScenario: 'me/login' }, ['1.2.3.5 me/login', '1.2.3.6 me/x']],
  [{ reportScenario: 'me/login' }, ['1.2.3.4 me/x', '1.2.3.7 me/login']],
  [{ allowlist: [BANNED], reportScenario: 'me/login' }, ['1.2.3.7 me/login']],
  [{ originActions: { cscli: 'captcha' } }, ['1.2.3.4 me/x']],
  [{ originActions: { cscli: 'allow' } }, []],
])('%j', async (options, expected) => {
  const capi = await fakeCapi()
  const { bouncer, visit } = await runApp(express, reportingTo(capi, options))
  for (const { value } of DECISIONS) await visit(value)
  await bouncer.sendSignals()
  const told = capi.signals.map(({ signal }) => validateSignal(signal))
  expect(told.map(({ source, scenario }) => `${source.value} ${scenario}`)).toEqual(expected)
})

describe('report', () => {
  it('tells CAPI what the user saw, also of those on no list', async () => {
    const capi = await fakeCapi()
    const bouncer = await start(reportingTo(capi))
    for (let i = 0; i < 1000; i++)
      bouncer.report({ address: '9.9.9.9', scenario: 'me/login', context: { user: `u${i}` } })
    expect(await bouncer.sendSignals()).toMatchObject({ sent: 1 })
    const { message, context } = validateSignal(capi.signals[0].signal)
    expect(message).toMatch(/^Ip 9\.9\.9\.9 performed 'me\/login' \(1000 events over \d+s\)$/)
    expect(context.map(({ value }) => value)).toEqual(['1000', 'u0', 'u1', 'u2', 'u3', 'u4'])
  })

  it('needs the option', async () => {
    const bouncer = await start({ sources: [listSource([])] })
    const state = expect.objectContaining({ code: 'ERR_CSB_STATE' })
    expect(() => bouncer.report({ address: '9.9.9.9', scenario: 'me/login' })).toThrow(state)
    await expect(bouncer.sendSignals()).rejects.toEqual(state)
    expect(bouncer.stats().signals).toBeUndefined()
  })

  it('is not switched on by asking CAPI for decisions', async () => {
    const capi = await fakeCapi()
    capi.setCommunity([{ value: '1.2.3.6' }])
    const bouncer = await start(reportingTo(capi, { report: false, capiPull: true }))
    expect([BANNED, '1.2.3.6'].map((address) => bouncer.check(address).action)).toEqual(['ban', 'ban'])
    await expect(bouncer.sendSignals()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    await bouncer.stop()
    expect(capi.signals).toEqual([])
  })
})

describe('the end', () => {
  it('tells the last window and leaves nothing behind', async () => {
    const capi = await fakeCapi()
    const bouncer = await start(reportingTo(capi))
    bouncer.check(BANNED)
    await bouncer.stop()
    expect(capi.signals).toHaveLength(1)
    bouncer.report({ address: '9.9.9.9', scenario: 'me/login' })
    await expect(bouncer.sendSignals()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
  })

  it('does not wait for a CAPI that hangs, and the next start sends what stayed', async () => {
    const folder = temporaryDirectory()
    const capiStorage = `sqlite:${join(folder, 'signals.db')}`
    const capi = await fakeCapi()
    capi.fault({ kind: 'slow', ms: 60_000 }, { match: ({ path }) => path === '/v3/watchers/login' })
    const { logger, lines } = linesOf()
    const bouncer = await start(reportingTo(capi, { capiStorage, logger }))
    bouncer.check(BANNED)
    expect(await millisecondsOf(bouncer.stop())).toBeLessThan(2500)
    expect(lines).toEqual([expect.stringMatching(/^info: Source/), 'info: 1 signals are left in the outbox'])
    expect(capi.signals).toHaveLength(0)
    expect(statSync(join(folder, 'signals.db')).mode & 0o777).toBe(0o600)
    capi.heal()
    const next = await start(reportingTo(capi, { capiStorage }))
    await next.sendSignals()
    expect(capi.signals).toHaveLength(1)
    expect(capi.machines()).toHaveLength(1)
  })

  it('does not wait for a database that another process keeps locked, and tells what is lost', async () => {
    const file = join(temporaryDirectory(), 'signals.db')
    const capi = await fakeCapi()
    const { logger, lines } = linesOf()
    const bouncer = await start(reportingTo(capi, { capiStorage: `sqlite:${file}`, logger }))
    await bouncer.sendSignals()
    const { DatabaseSync } = await loadSqlite()
    const other = new DatabaseSync(file)
    onTestFinished(() => other.close())
    other.exec('begin immediate')
    bouncer.check(BANNED)
    bouncer.report({ address: '9.9.9.9', scenario: 'me/login' })
    lines.length = 0
    expect(await millisecondsOf(bouncer.stop())).toBeLessThan(2500)
    other.exec('commit')
    const told = 'error: 2 signals are lost or not known to be stored: the storage did not answer in time'
    expect(lines).toEqual([told])
    expect(other.prepare('select * from csb_signal').all()).toEqual([])
    expect(lines).toEqual([told])
  })

  it('does not wait for a PostgreSQL that takes connections and says nothing, and lets go of it', async () => {
    const sockets: Socket[] = []
    const server = createServer((socket) => void sockets.push(socket.resume())).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const capi = await fakeCapi()
    const { logger, lines } = linesOf()
    const bouncer = await start(reportingTo(capi, { capiStorage: `postgresql://u:p@127.0.0.1:${port}/d`, logger }))
    if (sockets.length === 0) await once(server, 'connection')
    bouncer.check(BANNED)
    lines.length = 0
    expect(await millisecondsOf(bouncer.stop())).toBeLessThan(2500)
    for (const socket of sockets) if (!socket.closed) await once(socket, 'close') // else the process would not end
    expect(lines).toEqual(['error: 1 signals are lost or not known to be stored: the storage did not answer in time'])
  })

  it('of a bouncer that was never started opens no storage', async () => {
    const folder = temporaryDirectory()
    const file = join(folder, 'signals.db')
    await createBouncer(reportingTo(await fakeCapi(), { capiStorage: `sqlite:${file}` })).stop()
    expect(() => statSync(file)).toThrow('ENOENT')
  })

  it('of a bouncer that is stopped as soon as it is started asks CAPI nothing, and opens no storage', async () => {
    const file = join(temporaryDirectory(), 'signals.db')
    const capi = await fakeCapi()
    const options = { capiPull: true, capiAllowPrivateLinks: true, capiStorage: `sqlite:${file}` }
    const bouncer = createBouncer(reportingTo(capi, options))
    const starting = bouncer.start()
    await bouncer.stop()
    await starting
    expect(() => statSync(file)).toThrow('ENOENT')
    expect(capi.requests).toEqual([])
  })
})

describe('a storage that cannot be opened', () => {
  it('stops neither start nor requests; hits wait, and are lost loudly in the end', async () => {
    const capi = await fakeCapi()
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    const logger = { debug() {}, info() {}, warn: write, error: write }
    const capiStorage = 'sqlite:/proc/no/such/place.db'
    const { bouncer, visit } = await runApp(express, reportingTo(capi, { capiStorage, logger }))
    expect(await visit(BANNED)).toBe(403)
    await expect(bouncer.sendSignals()).rejects.toMatchObject({ code: 'ERR_CSB_STORAGE' })
    expect(bouncer.stats().signals).toMatchObject({ pending: 1, stored: 0 })
    await bouncer.stop()
    expect(lines).toContainEqual(expect.stringMatching(/^CAPI cannot be used, and is tried again, .*\/proc\/no/))
    expect(lines).toContainEqual(expect.stringMatching(/^1 signals are lost: /))
  })
})

it('a storage that cannot be opened is told at the start, and not with the first attack', async () => {
  let tell = (_line: string) => {}
  const told = new Promise<string>((resolve) => {
    tell = resolve
  })
  const logger = { debug() {}, info() {}, warn() {}, error: (line: string) => tell(line) }
  await start(reportingTo(await fakeCapi(), { capiStorage: 'sqlite:/proc/no/such/place.db', logger }))
  expect(await told).toMatch(/^CAPI cannot be used, and is tried again, /)
})

describe('what fails on the way to CAPI', () => {
  it.each<[string, Partial<BouncerOptions>, string]>([
    ['a machine that is refused', {}, 'ERR_CSB_CAPI_AUTH'],
    ['a storage that cannot be opened', { capiStorage: 'sqlite:/proc/no/such/place.db' }, 'ERR_CSB_STORAGE'],
  ])('%s is published to tools that trace, and is no error of a source', async (_what, options, code) => {
    const capi = await fakeCapi()
    capi.fault({ kind: 'status', status: 403 }, { match: ({ path }) => path === '/v3/signals' })
    const published: unknown[] = []
    const note = (event: unknown) => void published.push(event)
    subscribe('crowdsec-bouncer:error', note)
    onTestFinished(() => void unsubscribe('crowdsec-bouncer:error', note))
    const bouncer = await start(reportingTo(capi, options))
    const heard: unknown[] = []
    bouncer.on('error', (error) => void heard.push(error))
    bouncer.check(BANNED)
    await bouncer.sendSignals().catch(() => {})
    expect(published).toEqual([{ error: expect.objectContaining({ code }), source: null }])
    expect(heard).toEqual([])
  })
})

describe('the file of the storage', () => {
  const allOf = (file: string) => [file, `${file}-wal`, `${file}-shm`]

  test.each<[string, (file: string, folder: string) => void]>([
    ['deleted with all beside it', (file) => allOf(file).map((one) => rmSync(one))],
    ['deleted alone', (file) => rmSync(file)],
    ['moved away', (file) => renameSync(file, `${file}.old`)],
    ['gone with its folder', (_, folder) => renameSync(folder, `${folder}.old`)],
  ])('%s is made anew, for the same machine, and no hit is lost', async (_, remove) => {
    const folder = join(temporaryDirectory(), 'place')
    mkdirSync(folder)
    const file = join(folder, 'signals.db')
    const capi = await fakeCapi()
    const { logger, lines } = linesOf()
    const options = reportingTo(capi, { capiStorage: `sqlite:${file}`, logger })
    const bouncer = await start(options)
    bouncer.check(BANNED)
    expect(await bouncer.sendSignals()).toMatchObject({ sent: 1 })
    lines.length = 0
    remove(file, folder)
    mkdirSync(folder, { recursive: true })
    capi.fault({ kind: 'status', status: 503 }, { match: ({ path }) => path === '/v3/signals' })
    bouncer.check(LISTED)
    bouncer.report({ address: '9.9.9.9', scenario: 'me/login' })
    await bouncer.stop()
    expect(lines.slice(0, 2)).toEqual([
      `error: The storage sqlite:${file} cannot be used: the file was deleted or moved away while it was in use; it is` +
        ' opened anew, and what waited in the old file is not sent',
      `info: The storage sqlite:${file} is open now`,
    ])
    expect(lines.at(-1)).toBe('info: 1 signals are left in the outbox')
    capi.heal()
    expect(await (await start(options)).sendSignals()).toMatchObject({ sent: 1, remaining: 0 })
    expect(capi.signals).toHaveLength(2)
    expect(capi.machines()).toMatchObject([{ logins: 1 }])
    expect(capi.requests.filter(({ path }) => path === '/v3/watchers')).toHaveLength(1)
  })

  it('that another one has replaced is used from then on, with its machine', async () => {
    const folder = temporaryDirectory()
    const [file, backup] = [join(folder, 'signals.db'), join(folder, 'backup.db')]
    const capi = await fakeCapi()
    const other = await start(reportingTo(capi, { capiStorage: `sqlite:${backup}` }))
    other.check(BANNED)
    await other.sendSignals()
    await other.stop()
    const { logger, lines } = linesOf()
    const bouncer = await start(reportingTo(capi, { capiStorage: `sqlite:${file}`, logger }))
    await bouncer.sendSignals()
    renameSync(backup, file)
    bouncer.check(BANNED)
    expect(await bouncer.sendSignals()).toMatchObject({ sent: 1, remaining: 0 })
    expect(lines).toContainEqual(
      expect.stringMatching(/^error: .*signals\.db cannot be used: the file was replaced by another/),
    )
    expect(capi.signals[1].machineId).toBe(capi.signals[0].machineId)
  })
})

describe('the outbox', () => {
  const addresses = ['9.9.9.1', '9.9.9.2', '9.9.9.3', '9.9.9.4', '9.9.9.5']

  it.each(['memory', 'sqlite'])('holds report_max_signals, and what is dropped is counted (%s)', async (kind) => {
    const capi = await fakeCapi()
    const { logger, lines } = linesOf()
    const capiStorage = kind === 'memory' ? kind : `sqlite:${join(temporaryDirectory(), 'signals.db')}`
    const bouncer = await start(reportingTo(capi, { capiStorage, logger, reportMaxSignals: 2 }))
    for (const address of addresses) bouncer.report({ address, scenario: 'me/login' })
    expect(await bouncer.sendSignals()).toMatchObject({ sent: 2, remaining: 0 })
    expect(bouncer.stats().signals).toMatchObject({ stored: 5, sent: 2, dropped: { outbox: 3 } })
    expect(lines).toContain('warn: 3 signals were dropped to keep the outbox within its limits')
    expect(await bouncer.registry.metrics()).toContain('crowdsec_bouncer_hits_dropped_total{reason="outbox"} 3')
  })

  it('holds a signal for report_max_age', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const capi = await fakeCapi()
    capi.fault({ kind: 'status', status: 400 }, { match: ({ path }) => path === '/v3/watchers' })
    const bouncer = await start(reportingTo(capi, { reportMaxAge: '1h' }))
    const reported = async (address = '') => {
      bouncer.report({ address, scenario: 'me/login' })
      return bouncer.sendSignals()
    }
    expect(await reported(addresses[0])).toMatchObject({ sent: 0, remaining: 1 })
    vi.advanceTimersByTime(3_600_000)
    expect(await reported(addresses[1])).toMatchObject({ sent: 0, remaining: 2 })
    vi.advanceTimersByTime(1)
    expect(await reported(addresses[2])).toMatchObject({ sent: 0, remaining: 2 })
    expect(bouncer.stats().signals).toMatchObject({ stored: 3, dropped: { outbox: 1 } })
  })
})

describe('a flood', () => {
  it('of 100,000 hits by 20,000 addresses ends as 10,000 signals, and those left out are counted', async () => {
    const capi = await fakeCapi()
    const range = decision({ scope: 'Range', value: '1.0.0.0/8', scenario: 'me/x' })
    const bouncer = await start(reportingTo(capi, { sources: [listSource([range])] }))
    const addresses = Array.from({ length: 20_000 }, (_, i) => `1.${i >> 8}.${i & 255}.${i % 7}`)
    for (let round = 0; round < 5; round++) for (const address of addresses) bouncer.check(address)
    const { pending } = bouncer.stats().signals ?? { pending: 0 }
    expect(pending).toBe(10_000)
    const report = await bouncer.sendSignals()
    expect(report).toMatchObject({ sent: 10_000, quarantined: 0, remaining: 0 })
    const told = capi.signals.reduce((sum, { signal }) => sum + Number(validateSignal(signal).context[0].value), 0)
    expect(told + (bouncer.stats().signals?.dropped.no_room ?? 0)).toBe(100_000)
    expect(capi.uuids().size).toBe(10_000)
  })
})

it('a failure policy’s verdicts are not told', async () => {
  const capi = await fakeCapi()
  const silent = { name: 'silent', start() {}, stop() {} }
  const bouncer = createBouncer(reportingTo(capi, { sources: [silent], notReadyAction: 'ban', startTimeout: 100 }))
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  expect(bouncer.check('9.9.9.9').action).toBe('ban')
  expect(await bouncer.sendSignals()).toMatchObject({ sent: 0 })
  expect(bouncer.stats().signals?.dropped).toEqual({ policy: 1 })
})

it('warns of names that CrowdSec’s own clients refuse, and uses them', async () => {
  const capi = await fakeCapi()
  const lines: string[] = []
  const logger = { debug() {}, info() {}, warn: (line: string) => void lines.push(line), error() {} }
  const bouncer = await start(reportingTo(capi, { capiScenarios: ['gauth-fr/x', 'me/x'], logger }))
  bouncer.report({ address: '9.9.9.9', scenario: 'gauth-fr/x' })
  expect(await bouncer.sendSignals()).toMatchObject({ sent: 1 })
  expect(lines).toEqual([expect.stringMatching(/^CSB_SCENARIO_NAME: capi_scenarios: .*"gauth-fr\/x"/)])
})

it('a bouncer on CAPI alone: blocks by its lists, tells what it is told to tell', async () => {
  const capi = await fakeCapi()
  capi.setCommunity([{ value: '1.2.3.4', scenario: 'me/x' }, { value: '1.2.3.6' }])
  capi.addBlocklist({ name: 'tor', values: ['1.2.3.5'] })
  capi.addAllowlist({ name: 'us', entries: ['1.2.3.6'] })
  const options = reportingTo(capi, {
    sources: [],
    capiPull: true,
    capiAllowPrivateLinks: true,
    reportOrigins: ['CAPI', 'lists'],
    reportScenario: 'me/x',
    startTimeout: '30s',
  })
  const { bouncer, visit } = await runApp(express, options)
  expect(await Promise.all(['1.2.3.4', '1.2.3.5', '1.2.3.6', '9.9.9.9'].map((one) => visit(one)))).toEqual([
    403, 403, 200, 200,
  ])
  for (const address of ['1.2.3.6', '9.9.9.9']) bouncer.report({ address, scenario: 'me/login' })
  await bouncer.sendSignals()
  const told = capi.signals.map(({ signal }) => validateSignal(signal).source.value).sort()
  expect(told).toEqual(['1.2.3.4', '1.2.3.5', '9.9.9.9'])
  expect(bouncer.stats().signals?.dropped).toEqual({ allowlist: 1 })
  expect(capi.machines()).toHaveLength(1)
})

describe('the machine', () => {
  const machineId = 'a'.repeat(48)

  it('is the one of the options, which CAPI knows already', async () => {
    const capi = await fakeCapi({ machines: { [machineId]: 'pass-word' } })
    const options = reportingTo(capi, { capiMachineId: machineId, capiPassword: 'pass-word' })
    const bouncer = await start(options)
    bouncer.check(BANNED)
    await bouncer.sendSignals()
    expect(capi.signals.map((one) => one.machineId)).toEqual([machineId])
    expect(capi.machines()).toHaveLength(1)
  })

  it('metrics show how it stands, and what became of the signals', async () => {
    const capi = await fakeCapi()
    const bouncer = await start(reportingTo(capi))
    bouncer.check(BANNED)
    bouncer.check(LISTED)
    expect(await bouncer.registry.metrics()).toContain('crowdsec_bouncer_signals_pending 1')
    await bouncer.sendSignals()
    const text = await bouncer.registry.metrics()
    for (const line of [
      'signals_pending 0',
      'signals_total{outcome="sent"} 1',
      'hits_dropped_total{reason="origin"} 1',
      'outbox_signals{state="queued"} 0',
      'outbox_oldest_age_seconds 0',
      'capi_logins_total{result="ok"} 1',
      'capi_breaker_open 0',
      'capi_machine_state{state="active"} 1',
    ]) {
      expect(text).toContain(`crowdsec_bouncer_${line}`)
    }
    await bouncer.stop()
    expect(await bouncer.registry.metrics()).not.toContain('crowdsec_bouncer_outbox_oldest_age_seconds 0')
  })
})
