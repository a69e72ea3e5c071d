/** The client as a program uses it: options, calls, and what is left after `close()`. */

import { randomUUID } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  buildSignal,
  type CapiClient,
  type CapiClientOptions,
  createCapiClient,
  createSignal,
  flatDecisions,
  MemoryStorage,
  openStorage,
  type Signal,
} from '../../src/capi-client.js'
import { FakeCapi } from '../../src/testing/index.js'
import { ListServer } from '../capi/list-server.js'
import { signalsOf } from '../signals/scripted-capi.js'
import { connect, machineIdOf, SCENARIOS } from './connected-client.js'

const ONE = machineIdOf('one')
const TWO = machineIdOf('two')

const MINUTE = 60_000

const isSignals = ({ path }: { readonly path: string }) => path === '/v3/signals'

/** Ends with the test. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'capi-client-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** What SQLite has not yet moved into its file, as it does when it is closed. */
async function bytesBeside(path: string): Promise<number> {
  const log = await stat(`${path}-wal`).catch(() => null)
  return log?.size ?? 0
}

/** Every call that asks CAPI, and where. */
const calls: readonly (readonly [path: string, call: (client: CapiClient, signal: AbortSignal) => Promise<unknown>])[] =
  [
    ['watchers/login', (client, signal) => client.login(ONE, { signal })],
    ['decisions/stream', (client, signal) => client.getDecisions(ONE, { signal })],
    ['metrics', (client, signal) => client.pushMetrics(ONE, undefined, { signal })],
    ['watchers/enroll', (client, signal) => client.enrollMachines([ONE], { name: 'x', attachmentKey: 'k', signal })],
  ]

/** What keeps a process alive, by kind. */
function held(): readonly string[] {
  return process.getActiveResourcesInfo().filter((kind) => /^(TCP\w+|ConnectWrap|Timeout)$/.test(kind))
}

/** What is held now and was not then. */
function beyond(before: readonly string[]): readonly string[] {
  const left = [...before]
  return held().filter((kind) => {
    const index = left.indexOf(kind)
    if (index !== -1) left.splice(index, 1)
    return index === -1
  })
}

function memoryLogger() {
  const lines: string[] = []
  const log = (line: string) => void lines.push(line)
  return { lines, logger: { debug: log, info: log, warn: log, error: log } }
}

describe('options', () => {
  it.each<[string, unknown, string]>([
    ['no object', 'memory', 'expected an object with options, got a text'],
    [
      'no storage',
      {},
      'storage: expected `sqlite:PATH`, `postgresql://USER:PASSWORD@HOST/DATABASE`, `memory`, or an object that is a storage, got nothing that is not shown',
    ],
    ['a storage with a password', { storage: 'mysql://u:hunter2@h/d' }, 'storage: expected `sqlite:PATH`'],
    ['an unknown one', { storage: 'memory', frequency: 1 }, 'frequency: unknown option'],
    [
      'the names of the Python SDK',
      { storage: 'memory', prod: true, user_agent_prefix: 'x', max_retries: 1 },
      "3 problems: (1) prod: unknown option; did you mean url: 'production'?; (2) user_agent_prefix: unknown option; did you mean userAgentPrefix?; (3) max_retries: unknown option; did you mean maxRetries?",
    ],
    [
      'a PostgreSQL URL that cannot be parsed',
      { storage: 'postgresql://u:hunter2@h:notaport/d' },
      'got a text that is not shown (it cannot be parsed as postgresql:',
    ],
    [
      'a bad url',
      { storage: 'memory', url: 'ftp://x' },
      'url: expected `production`, `development`, or an http or https URL, got "ftp://x"',
    ],
    [
      'a bad scenario',
      { storage: 'memory', scenarios: ['a/b', 'c'] },
      'scenarios[1]: expected a list of scenarios as `author/name`',
    ],
    [
      'a bad number',
      { storage: 'memory', maxRetries: 1.5 },
      'maxRetries: expected a whole number of 0 to 100, got 1.5',
    ],
    ['a bad duration', { storage: 'memory', retryDelay: '5' }, 'retryDelay: expected a duration of 100ms to 24d'],
    ['a bad prefix', { storage: 'memory', userAgentPrefix: 'a/b' }, 'userAgentPrefix: expected up to 64 letters'],
    ['bad limits', { storage: 'memory', limits: { maxSignals: 0 } }, 'limits: expected an object with `maxSignals`'],
    ['two bad ones', { storage: 'memory', timeout: 1, latencyOffset: 'x' }, '2 problems: (1) '],
  ])('with %s are refused', async (_name, options, message) => {
    const error = await createCapiClient(options as CapiClientOptions).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CSB_CONFIG', message: expect.stringContaining(message) })
    expect(String(error)).not.toContain('hunter2')
  })

  it('may name scenarios of the hub that CrowdSec’s own clients refuse, with a warning', async () => {
    const { lines, logger } = memoryLogger()
    const scenarios = ['crowdsecurity/ssh-bf', 'gauth-fr/immich-bf']
    await (await createCapiClient({ storage: 'memory', scenarios, logger })).close()
    expect(lines).toEqual([expect.stringMatching(/^scenarios: .*"gauth-fr\/immich-bf"/)])
  })

  it.each([
    [{}, /^crowdsec-nodejs-bouncer\/v\d+\.\d+\.\d+$/],
    [{ userAgentPrefix: '' }, /^crowdsec-nodejs-bouncer\/v\d+\.\d+\.\d+$/],
    [{ userAgentPrefix: 'acme' }, /^acme-crowdsec-nodejs-bouncer\/v\d+\.\d+\.\d+$/],
  ])('%j: CAPI sees the User-Agent %s', async (options, userAgent) => {
    const { client, capi } = await connect({ client: options })
    await client.login(ONE)
    for (const { headers } of capi.requests) expect(headers['user-agent']).toMatch(userAgent)
  })

  it('without scenarios: none are named, and no login is repeated for them', async () => {
    const { client, capi, trail } = await connect({ client: { scenarios: [] } })
    await client.login(ONE)
    await client.login(ONE)
    expect(trail()).toEqual(['POST watchers 200', 'POST watchers/login 200'])
    expect(JSON.parse(capi.requests[1].body)).not.toHaveProperty('scenarios')
  })

  it('with other scenarios than the token was given for: a new login', async () => {
    const { client, capi, storage } = await connect()
    await client.login(ONE)
    const scenarios = ['crowdsecurity/other', ...SCENARIOS, SCENARIOS[0]]
    const second = await createCapiClient({ url: `${capi.url}/v3`, storage, scenarios })
    onTestFinished(() => second.close())
    await second.login(ONE)
    expect(capi.machines()).toMatchObject([{ logins: 2, scenarios: [...new Set(scenarios)].sort() }])
  })
})

describe('the option', () => {
  it('latencyOffset is how long a token must still be good', async () => {
    const { client, advance, trail } = await connect({ client: { latencyOffset: '10m' } })
    await client.login(ONE)
    advance(49 * MINUTE)
    await client.login(ONE)
    expect(trail()).toEqual(['POST watchers 200', 'POST watchers/login 200'])
    advance(MINUTE)
    await client.login(ONE)
    expect(trail()).toEqual(['POST watchers/login 200'])
  })

  it('maxRetries is how often signals are tried again, and retryDelay how soon', async () => {
    const { client, capi, queue, waits } = await connect({ client: { maxRetries: 2, retryDelay: '2s' } })
    await queue('one', 1)
    capi.fault({ kind: 'status', status: 500 }, { match: isSignals })
    await client.sendSignals()
    expect(waits).toEqual([2_000, 4_000])
    expect(await client.machines()).toMatchObject([{ standing: { state: 'backing off', pause: 8_000 } }])
  })

  it.each(calls)('timeout bounds a call of %s', async (path, call) => {
    const { client, capi } = await connect({ client: { timeout: '200ms' } })
    capi.fault({ kind: 'stall', afterBytes: 0 }, { match: (request) => request.path === `/v3/${path}` })
    const told = await call(client, new AbortController().signal).catch((error: unknown) => error)
    expect(inspect(told, { depth: 5 })).toContain('did not answer in full within 200 ms')
  })

  it('timeout bounds a call of signals', async () => {
    const { client, capi, queue } = await connect({ client: { timeout: '200ms', maxRetries: 0 } })
    await queue('one', 1)
    capi.fault({ kind: 'stall', afterBytes: 0 }, { match: isSignals })
    const { failures } = await client.sendSignals()
    expect(failures).toMatchObject([{ error: { message: expect.stringContaining('within 200 ms') } }])
  })

  it('limits is how much the outbox holds', async () => {
    const client = await createCapiClient({ storage: 'memory', limits: { maxSignals: 2 } })
    onTestFinished(() => client.close())
    expect(await client.addSignals(signalsOf(ONE, 3))).toEqual({ added: 3, known: 0, dropped: 1 })
    expect(await client.signalCounts()).toMatchObject({ queued: 2 })
  })
})

describe('sendSignals', () => {
  it('tells how far it is, of each machine', async () => {
    const { client, queue } = await connect()
    await queue('one', 3)
    const told: unknown[] = []
    await client.sendSignals({ batchSize: 2, onProgress: (progress) => void told.push(progress) })
    expect(told).toEqual([2, 3].map((sent) => ({ machineId: ONE, sent, quarantined: 0 })))
  })

  it('tells CAPI of the machines only when all have sent', async () => {
    const { client, queue, trail } = await connect()
    for (let nth = 0; nth < 8; nth++) await queue(`machine ${nth}`, 1)
    await client.sendSignals()
    expect(trail().slice(-8)).toEqual(Array(8).fill('POST metrics 200'))
  })

  it('waits for metrics that hang no longer than for one request, however many machines there are', async () => {
    const { client, capi, queue, trail } = await connect({ client: { timeout: '200ms' } })
    for (let nth = 0; nth < 15; nth++) await queue(`machine ${nth}`, 1)
    capi.fault({ kind: 'stall', afterBytes: 0 }, { match: ({ path }) => path === '/v3/metrics' })
    expect(await client.sendSignals()).toMatchObject({ sent: 15, failures: [] })
    // Four at a time, of which none comes back for another one.
    expect(trail().filter((line) => line.startsWith('POST metrics'))).toHaveLength(4)
  })

  it('says nothing of metrics that an aborted run gave up', async () => {
    const { client, capi, queue, lines } = await connect()
    await queue('one', 1)
    const abort = new AbortController()
    const isMetrics = ({ path }: { readonly path: string }) => {
      if (path !== '/v3/metrics') return false
      abort.abort()
      return true
    }
    capi.fault({ kind: 'stall', afterBytes: 0 }, { match: isMetrics })
    expect(await client.sendSignals({ signal: abort.signal })).toMatchObject({ sent: 1, remaining: 0, failures: [] })
    expect(lines.filter((line) => line.includes('not told'))).toEqual([])
  })

  it('tells CAPI of a machine only where it took something of it', async () => {
    const { client, capi, queue } = await connect()
    const [bad] = await queue('one', 2)
    await queue('two', 1)
    await client.sendSignals()
    expect(capi.metrics.map(({ machineId }) => machineId).toSorted()).toEqual([ONE, TWO].toSorted())
    await client.addSignals([{ ...bad, uuid: randomUUID() }])
    await queue('two', 1)
    capi.fault(
      { kind: 'status', status: 400 },
      { match: (request) => isSignals(request) && request.body.includes(ONE) },
    )
    await client.sendSignals()
    expect(capi.metrics.map(({ machineId }) => machineId).slice(2)).toEqual([TWO])
  })
})

describe('addSignals', () => {
  const good = () =>
    createSignal({ attackerIp: '192.0.2.7', scenario: 'acme/scan', createdAt: new Date(), machineId: ONE })

  it('takes what createSignal and buildSignal make, and CAPI takes it', async () => {
    const { client, capi } = await connect()
    const built = buildSignal({ machineId: ONE, scenario: 'acme/scan' }, { value: '192.0.2.8' }, [{ duration: 3600 }])
    expect(await client.addSignals([good(), built])).toEqual({ added: 2, known: 0, dropped: 0 })
    expect(await client.sendSignals()).toMatchObject({ sent: 2, remaining: 0, failures: [] })
    expect(capi.signals.map(({ signal }) => signal['source'])).toMatchObject([
      { value: '192.0.2.7' },
      { value: '192.0.2.8' },
    ])
  })

  it('takes all or none', async () => {
    const { client } = await connect()
    const bad = { ...good(), scenario: 7 } as never
    const added = client.addSignals([good(), bad, good()])
    await expect(added).rejects.toMatchObject({
      code: 'ERR_CSB_SIGNAL',
      message: expect.stringMatching(/^signals\[1\]: Not a signal that CAPI takes: scenario: expected/),
    })
    expect(await client.signalCounts()).toMatchObject({ queued: 0 })
  })

  it.each<[string, unknown, string]>([
    ['one in place of a list', good(), 'signals: expected a list of signals, got one signal; put it in [ ]'],
    ['nothing', undefined, 'signals: expected a list of signals, got nothing'],
    ['a text', 'signals', 'signals: expected a list of signals, got "signals"'],
  ])('refuses %s', async (_name, signals, message) => {
    const { client } = await connect()
    const error = await client.addSignals(signals as Signal[]).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CSB_SIGNAL', message })
  })

  it('are listed a hundred at a time', async () => {
    const { client, queue } = await connect()
    await queue('one', 101)
    expect(await client.listSignals()).toHaveLength(100)
    expect(await client.listSignals({ limit: 101 })).toHaveLength(101)
  })

  it('says in the log that the outbox is full, once until it is not', async () => {
    const { client, lines } = await connect({ storage: new MemoryStorage({ limits: { maxSignals: 2 } }) })
    const told = (count: number) => `${count} signals were dropped to keep the outbox within its limits`
    const add = async (count: number) => {
      lines.length = 0
      await client.addSignals(signalsOf(ONE, count))
      return lines.filter((line) => line.includes('outbox'))
    }
    expect(await add(2)).toEqual([])
    expect(await add(3)).toEqual([`warn: ${told(3)}`])
    expect(await add(4)).toEqual([`debug: ${told(4)}`])
    await client.pruneSignals({})
    expect(await add(1)).toEqual(['info: The outbox has room again'])
    expect(await add(2)).toEqual([`warn: 1 signal was dropped to keep the outbox within its limits`])
  })

  it('knows a uuid again', async () => {
    const { client } = await connect()
    const signal = { ...good(), uuid: randomUUID() }
    await client.addSignals([signal])
    expect(await client.addSignals([signal, good()])).toEqual({ added: 1, known: 1, dropped: 0 })
  })
})

describe('getDecisions', () => {
  it('gives the groups, their links, and one by one', async () => {
    const { client, capi } = await connect()
    capi.setCommunity([{ value: '192.0.2.1' }, { value: '192.0.2.2', scenario: 'a/b', duration: '3h' }])
    capi.delete('192.0.2.3')
    capi.addBlocklist({ name: 'firehol', values: ['198.51.100.1'] })
    const decisions = await client.getDecisions(ONE)
    expect([...flatDecisions(decisions)]).toMatchObject([
      { origin: 'CAPI', type: 'ban', value: '192.0.2.1', scenario: 'crowdsecurity/ssh-bf', duration: '168h' },
      { origin: 'CAPI', type: 'ban', value: '192.0.2.2', scenario: 'a/b', duration: '3h' },
    ])
    expect(decisions.deleted).toMatchObject([{ decisions: ['192.0.2.3'] }])
    expect(decisions.blocklists).toMatchObject([{ name: 'firehol' }])
  })

  it('keeps the scope of a group, one by one too', () => {
    const decisions = [{ value: '192.0.2.0/24', duration: '1h' }]
    expect([...flatDecisions({ new: [{ scenario: 'a/b', scope: 'range', decisions }] })]).toEqual([
      { origin: 'CAPI', type: 'ban', scope: 'range', value: '192.0.2.0/24', duration: '1h', scenario: 'a/b' },
    ])
  })

  it.each([
    [{ communityPull: false }, 0, 1],
    [{ additionalPull: false }, 1, 0],
    [{}, 1, 1],
  ])('with %j: %i groups, %i blocklists', async (options, groups, lists) => {
    const { client, capi } = await connect()
    capi.setCommunity([{ value: '192.0.2.1' }])
    capi.addBlocklist({ name: 'firehol', values: [] })
    const decisions = await client.getDecisions(ONE, options)
    expect([decisions.new.length, decisions.blocklists.length]).toEqual([groups, lists])
  })

  it.each([401, 403, 404, 500])('never takes an answer of %i for decisions', async (status) => {
    const { client, capi } = await connect()
    capi.fault({ kind: 'status', status }, { match: ({ path }) => path === '/v3/decisions/stream' })
    await expect(client.getDecisions(ONE)).rejects.toMatchObject({ status })
  })
})

describe('downloadBlocklist', () => {
  it('gives the values of a list, and null for one that has not changed', async () => {
    const { client, capi, advance } = await connect({ client: { allowPrivateLinks: true } })
    capi.addBlocklist({ name: 'list', body: '192.0.2.1\r\n\r\n# from A to Z\n2001:db8::/32' })
    const { blocklists } = await client.getDecisions(ONE)
    const values = await client.downloadBlocklist(blocklists[0])
    expect([...(values ?? [])]).toEqual(['192.0.2.1', '2001:db8::/32'])
    expect([...(values ?? [])]).toHaveLength(2)
    expect(capi.requests.at(-1)?.headers).not.toHaveProperty('authorization')
    advance(5_000)
    const ifModifiedSince = new Date('2026-03-04T06:00:00Z')
    expect(await client.downloadBlocklist(blocklists[0], { ifModifiedSince })).toBeNull()
  })

  it('refuses a private address unless it is allowed, and never shows the signature', async () => {
    const { client, capi } = await connect()
    capi.addBlocklist({ name: 'list', values: ['192.0.2.1'] })
    const { blocklists } = await client.getDecisions(ONE)
    const error = await client.downloadBlocklist(blocklists[0]).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CSB_CAPI_LINK', message: expect.stringContaining('a private network') })
    expect(String(error)).not.toContain(new URL(blocklists[0].url).search)
  })
})

describe('a blocklist of http, from a CAPI of https,', () => {
  const url = 'https://capi.example/v3'
  const linkTo = async () => {
    const lists = await ListServer.start()
    lists.on('/list', '192.0.2.1')
    return { name: 'list', url: lists.url('/list'), remediation: 'ban', scope: 'ip', duration: '24h' }
  }

  it('is refused', async () => {
    const client = await createCapiClient({ url, storage: 'memory' })
    onTestFinished(() => client.close())
    await expect(client.downloadBlocklist(await linkTo())).rejects.toThrow('the link is http: and not https')
  })

  it('is taken where links may be private', async () => {
    const client = await createCapiClient({ url, storage: 'memory', allowPrivateLinks: true })
    onTestFinished(() => client.close())
    expect([...((await client.downloadBlocklist(await linkTo())) ?? [])]).toEqual(['192.0.2.1'])
  })
})

describe('enrollMachines', () => {
  const options = { name: 'web', attachmentKey: 'secretkey1' }

  it('tells what fails for one, and asks for the others', async () => {
    const { client, capi } = await connect({ capi: { attachmentKeys: ['secretkey1'] } })
    capi.fault({ kind: 'status', status: 500 }, { match: ({ body }) => body.includes(ONE) })
    const results = await client.enrollMachines([ONE, TWO, ONE], options)
    expect(results).toEqual([
      { machineId: ONE, outcome: 'failed', error: expect.objectContaining({ status: 500 }) },
      { machineId: TWO, outcome: 'accepted' },
    ])
  })

  it('asks for nobody else after a wrong key, and never shows it', async () => {
    const { client, trail, lines } = await connect()
    const results = await client.enrollMachines([ONE, TWO], options)
    const error = expect.objectContaining({ code: 'ERR_CSB_CAPI_ENROLL' })
    expect(results).toEqual([ONE, TWO].map((machineId) => ({ machineId, outcome: 'failed', error })))
    expect(trail()).toEqual(['POST watchers 200', 'POST watchers/login 200', 'POST watchers/enroll 403'])
    expect(inspect([results, lines], { depth: 10 })).not.toContain('secretkey1')
    expect(await client.breaker()).toBeNull()
  })
})

describe('pruneFailingMachines', () => {
  it('deletes the signals of machines that CAPI will not have, and of no others', async () => {
    const options = { capi: { machines: { [ONE]: 'another' }, badLogin: 401 as const } }
    const { client, capi, queue, advance } = await connect(options)
    await queue('one', 3)
    await queue('two', 2)
    await client.sendSignals()
    const machines = [expect.objectContaining({ machineId: ONE, reason: 'registered elsewhere', signals: 3 })]
    expect(await client.pruneFailingMachines({ dryRun: true })).toEqual({ machines, deleted: 0 })
    expect(await client.signalCounts({ machineId: ONE })).toMatchObject({ queued: 3 })
    expect(await client.pruneFailingMachines()).toEqual({ machines, deleted: 3 })
    expect(await client.signalCounts({ machineId: ONE })).toMatchObject({ queued: 0 })
    expect((await client.machines()).map(({ machineId }) => machineId)).toContain(ONE)
    advance(3_600_000)
    await queue('two', 2)
    capi.fault({ kind: 'status', status: 500 })
    await client.sendSignals()
    expect(await client.pruneFailingMachines()).toMatchObject({ machines: [{ machineId: ONE }], deleted: 0 })
  })

  it('spares a machine that was refused once, for too many logins may be why; not one that is refused again', async () => {
    const { client, capi, queue, advance } = await connect()
    await queue('one', 3)
    capi.fault({ kind: 'status', status: 403, headers: { 'retry-after': '7200' } })
    await client.sendSignals()
    expect(await client.pruneFailingMachines()).toEqual({ machines: [], deleted: 0 })
    advance(7_200_000)
    await client.sendSignals()
    expect(await client.pruneFailingMachines()).toMatchObject({ machines: [{ reason: 'forbidden' }], deleted: 3 })
  })
})

describe('a machine id that is no text', () => {
  const calls: Readonly<Record<string, (client: CapiClient, id: never) => Promise<unknown>>> = {
    pushMetrics: (client, id) => client.pushMetrics(id),
    getDecisions: (client, id) => client.getDecisions(id),
    addMachine: (client, id) => client.addMachine(id),
    removeMachine: (client, id) => client.removeMachine(id),
    login: (client, id) => client.login(id),
    enrollMachines: (client, id) => client.enrollMachines([id], { name: 'n', attachmentKey: 'k' }),
  }
  it.each(Object.keys(calls))('is refused by %s, which asks nobody', async (name) => {
    const { client, capi } = await connect()
    for (const [id, came] of [
      [undefined, 'undefined'],
      [null, 'null'],
      [7, 'a number'],
      [{ machineId: ONE }, 'an object'],
      ['', 'an empty text'],
    ]) {
      const error = await calls[name]?.(client, id as never).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'ERR_CSB_CONFIG', message: `machine id: expected a text, got ${came}` })
    }
    expect([await client.machines(), capi.requests]).toEqual([[], []])
  })

  it('nor is a text a list of them', async () => {
    const { client, capi } = await connect()
    await expect(client.enrollMachines(ONE, { name: 'n', attachmentKey: 'k' })).rejects.toMatchObject({
      code: 'ERR_CSB_CONFIG',
      message: 'machine ids: expected a list of texts, got a text',
    })
    await expect(client.unblock(null as never)).rejects.toMatchObject({ code: 'ERR_CSB_CONFIG' })
    expect(capi.requests).toEqual([])
  })
})

describe('signals of one machine', () => {
  it('are put back and pruned without those of others', async () => {
    const { client, storage, queue } = await connect()
    for (const { uuid } of [...(await queue('one', 1)), ...(await queue('two', 2))]) {
      await storage.signals.quarantine(uuid, 'bad')
    }
    expect(await client.requeueSignals({ machineId: ONE })).toBe(1)
    expect(await client.signalCounts()).toMatchObject({ queued: 1, quarantined: 2 })
    expect(await client.pruneSignals({ machineId: TWO })).toBe(2)
    expect(await client.signalCounts()).toMatchObject({ queued: 1, quarantined: 0 })
  })
})

describe('unblock', () => {
  it('ends the pause of one machine alone', async () => {
    const { client, capi } = await connect()
    capi.fault({ kind: 'status', status: 500 }, { match: ({ path }) => path === '/v3/watchers/login' })
    for (const machineId of [ONE, TWO]) await client.login(machineId).catch(() => {})
    expect(await client.unblock(ONE)).toBe(1)
    expect((await client.machines()).map(({ standing }) => standing.state)).toEqual(['active', 'backing off'])
  })
})

describe('metrics', () => {
  it('name the machine, our version and times in UTC', async () => {
    const { client, capi } = await connect()
    await client.pushMetrics(ONE)
    const utc = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/)
    const machine = { name: ONE, version: expect.stringMatching(/^\d+\.\d+\.\d+$/), last_push: utc, last_update: utc }
    expect(capi.metrics).toMatchObject([{ machineId: ONE, body: { bouncers: [], machines: [machine] } }])
  })

  it('may be the caller’s own', async () => {
    const { client, capi } = await connect()
    const bouncer = { custom_name: 'web', name: 'nodejs', version: '1', last_pull: '2026-01-02T03:04:05Z' }
    await client.pushMetrics(ONE, { bouncers: [bouncer], machines: [] })
    expect(capi.metrics).toMatchObject([{ body: { bouncers: [bouncer], machines: [] } }])
  })
})

describe('machines', () => {
  it('are told without their secrets', async () => {
    const { client, storage } = await connect()
    await client.addMachine(ONE, 'its password')
    await client.login(TWO)
    const secrets = (await storage.machines.list()).flatMap(({ password, token }) => [
      password,
      token ?? 'its password',
    ])
    const told = JSON.stringify(await client.machines())
    for (const secret of secrets) expect(told).not.toContain(secret)
    expect(await client.machines()).toMatchObject([
      { machineId: ONE, registration: 'pending', token: 'none' },
      { machineId: TWO, registration: 'confirmed', token: 'kept' },
    ])
    await client.removeMachine(ONE)
    expect(await client.machines()).toHaveLength(1)
    expect(client.counts).toMatchObject({ registrations: 1, logins: { ok: 1 } })
  })
})

describe('two clients', () => {
  it('on one SQLite file send each signal once', async () => {
    const folder = temporaryFolder()
    const capi = await FakeCapi.start({ machines: { [ONE]: 'pw' } })
    const options = { url: `${capi.url}/v3`, storage: `sqlite:${join(folder, 'signals.db')}`, scenarios: SCENARIOS }
    const clients = [await createCapiClient(options), await createCapiClient(options)]
    onTestFinished(async () => {
      for (const client of clients) await client.close()
      await capi.stop()
    })
    await clients[0].addMachine(ONE, 'pw')
    await clients[0].addSignals(signalsOf(ONE, 1_000))
    const reports = await Promise.all(clients.map((client) => client.sendSignals({ batchSize: 50 })))
    expect(reports.map(({ failures }) => failures)).toEqual([[], []])
    expect(reports[0].sent + reports[1].sent).toBe(1_000)
    expect([capi.signals.length, capi.uuids().size]).toEqual([1_000, 1_000])
    expect(await clients[1].signalCounts()).toMatchObject({ queued: 0 })
  })
})

describe('by chance', () => {
  it.each([1, 2, 3])(
    'every third answer fails (seed %i): every signal arrives, what is marked as sent is what was taken',
    async (seed) => {
      const { client, capi, queue, advance } = await connect({
        capi: { throttle: 'off', faultRate: { rate: 0.33, seed } },
      })
      const added = [...(await queue('one', 400)), ...(await queue('two', 70))].map(({ uuid }) => uuid)
      let sent = 0
      let remaining = added.length
      for (let run = 0; run < 100 && remaining > 0; run++) {
        const report = await client.sendSignals({ prune: false, batchSize: 20 })
        sent += report.sent
        remaining = report.remaining
        const marked = (await client.listSignals({ state: 'sent', limit: 1_000 })).map(({ signal }) => signal.uuid)
        expect(marked).toHaveLength(sent)
        for (const uuid of marked) expect(capi.uuids()).toContain(uuid)
        advance(900_000)
      }
      expect(sent).toBe(added.length)
      expect([...capi.uuids()].toSorted()).toEqual(added.toSorted())
      expect(await client.signalCounts()).toMatchObject({ queued: 0, quarantined: 0 })
    },
  )
})

describe('giving up', () => {
  it('by a signal ends the run, and tells what it did', async () => {
    const { client, capi, queue, lines } = await connect()
    await queue('one', 4)
    const controller = new AbortController()
    let nth = 0
    capi.fault({ kind: 'stall', afterBytes: 0 }, { match: (request) => isSignals(request) && ++nth > 1 })
    const arrived = capi.nextRequest((request) => isSignals(request) && capi.signals.length > 0)
    const sending = client.sendSignals({ batchSize: 2, signal: controller.signal })
    await arrived
    controller.abort()
    expect(await sending).toEqual({ sent: 2, quarantined: 0, remaining: 2, failures: [] })
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([])
  })

  it.each(calls)('by a signal rejects a call of %s with its reason', async (path, call) => {
    const { client, capi } = await connect()
    capi.fault({ kind: 'slow', ms: 60_000 }, { match: (request) => request.path === `/v3/${path}` })
    const controller = new AbortController()
    const arrived = capi.nextRequest((request) => request.path === `/v3/${path}`)
    const asking = call(client, controller.signal)
    await arrived
    controller.abort(new Error('enough'))
    await expect(asking).rejects.toThrow(/^enough$/)
  })

  it('by a signal rejects a download with its reason', async () => {
    const { client, capi } = await connect({ client: { allowPrivateLinks: true } })
    capi.addBlocklist({ name: 'list', values: ['192.0.2.1'] })
    const { blocklists } = await client.getDecisions(ONE)
    capi.fault({ kind: 'slow', ms: 60_000 }, { match: ({ path }) => path === '/blocklists/list' })
    const controller = new AbortController()
    const arrived = capi.nextRequest(({ path }) => path === '/blocklists/list')
    const download = client.downloadBlocklist(blocklists[0], { signal: controller.signal })
    await arrived
    controller.abort(new Error('enough'))
    await expect(download).rejects.toThrow(/^enough$/)
  })

  it('by close() ends what is under way, frees what was claimed and leaves nothing behind', async () => {
    const before = held()
    const capi = await FakeCapi.start()
    const storage = new MemoryStorage()
    const client = await createCapiClient({ url: `${capi.url}/v3`, storage, retryDelay: '10m' })
    await client.addSignals(signalsOf(ONE, 2))
    // A wait of up to a minute for the next try.
    capi.fault({ kind: 'status', status: 503, headers: { 'Retry-After': '50' } }, { match: isSignals })
    const answered = capi.nextAnswer(isSignals)
    const sending = client.sendSignals()
    await answered
    const asking = client.getDecisions(TWO)
    const asked = expect(asking).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    await client.close()
    await asked
    expect(await sending).toMatchObject({ sent: 0, remaining: 2 })
    expect(await storage.signals.machinesWithQueued()).toEqual([ONE])
    await expect(client.sendSignals()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    await client.close()
    await capi.stop()
    await expect.poll(() => beyond(before)).toEqual([])
  })

  it('by close() holds nothing against a machine that was logging in', async () => {
    const { client, capi, storage } = await connect()
    const isLogin = ({ path }: { readonly path: string }) => path === '/v3/watchers/login'
    capi.fault({ kind: 'slow', ms: 60_000 }, { match: isLogin })
    const arrived = capi.nextRequest(isLogin)
    const asked = expect(client.login(ONE)).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
    await arrived
    await client.close()
    await asked
    expect((await storage.machines.get(ONE))?.standing).toEqual({ state: 'active' })
  })

  it('by close() closes its connections', async () => {
    const capi = await ListServer.start()
    capi.on('/v3/watchers', '{}')
    capi.on('/v3/watchers/login', '{"token":"opaque"}')
    const client = await createCapiClient({ url: new URL('/v3', capi.url('/')).href, storage: 'memory' })
    await client.login(ONE)
    expect(await capi.connections()).toBeGreaterThan(0)
    await client.close()
    await expect.poll(() => capi.connections()).toBe(0)
  })

  it('by close() closes a storage of its own', async () => {
    const path = join(temporaryFolder(), 'signals.db')
    const client = await createCapiClient({ storage: `sqlite:${path}` })
    await client.addSignals(signalsOf(ONE, 1))
    expect(await bytesBeside(path)).toBeGreaterThan(0)
    await client.close()
    expect(await bytesBeside(path)).toBe(0)
  })

  it('before it began, as its environment names a proxy that is none, leaves no storage open', async () => {
    vi.stubEnv('HTTPS_PROXY', 'no proxy')
    onTestFinished(() => void vi.unstubAllEnvs())
    const path = join(temporaryFolder(), 'signals.db')
    const created = createCapiClient({ url: 'production', storage: `sqlite:${path}` })
    await expect(created).rejects.toMatchObject({ code: 'ERR_CSB_CONFIG' })
    expect(await bytesBeside(path)).toBe(0)
  })

  it('a storage that was handed in stays open', async () => {
    const storage = await openStorage('memory')
    const client = await createCapiClient({ storage })
    await client.addSignals(signalsOf(ONE, 1))
    await client.close()
    expect(await storage.signals.counts()).toMatchObject({ queued: 1 })
  })
})
