/** What the Python SDK's own tests (cscapi 0.7.0, test_client.py and test_sql_storage.py) expect, of our client. */

import { describe, expect, it } from 'vitest'
import { createCapiClient, generateMachineId, MemoryStorage } from '../../src/capi-client.js'
import { signalsOf } from '../signals/scripted-capi.js'
import { connect, machineIdOf, SCENARIOS } from './connected-client.js'

const HOUR = 3_600_000

const REGISTER = 'POST watchers 200'
const LOGIN = 'POST watchers/login 200'
const SIGNALS = 'POST signals 200'
const METRICS = 'POST metrics 200'
const DECISIONS = 'GET decisions/stream 200'
const ENROLL = 'POST watchers/enroll 202'

describe('the base URL', () => {
  it.each([
    [{}, 'https://api.dev.crowdsec.net/v3/'],
    [{ url: 'development' }, 'https://api.dev.crowdsec.net/v3/'],
    [{ url: 'production' }, 'https://api.crowdsec.net/v3/'],
    [{ url: 'http://127.0.0.1:4/proxy/v3' }, 'http://127.0.0.1:4/proxy/v3/'],
  ])('of %j is %s', async (options, target) => {
    const client = await createCapiClient({ storage: 'memory', ...options })
    expect(client.targets).toEqual({ api: target, storage: 'memory' })
    await client.close()
  })
})

describe('sendSignals', () => {
  it('of a new machine: registers, logs in, sends, tells of itself', async () => {
    const { client, capi, queue, trail, storage } = await connect()
    await queue('one', 2)
    expect(await client.sendSignals()).toEqual({ sent: 2, quarantined: 0, remaining: 0, failures: [] })
    expect(trail()).toEqual([REGISTER, LOGIN, SIGNALS, METRICS])
    const machine = await storage.machines.get(machineIdOf('one'))
    expect(machine).toMatchObject({ api: `${capi.url}/v3/`, scenarios: SCENARIOS, standing: { state: 'active' } })
    expect(machine?.password).toMatch(/^[\w-]{43}$/)
    expect(machine?.token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  })

  it.each([
    ['with pruning leaves none of 5', true, { queued: 0, sent: 0 }],
    ['without pruning keeps all 5 as sent', false, { queued: 0, sent: 5 }],
  ])('at a batch size of 1 %s', async (_name, prune, counts) => {
    const { client, queue, trail } = await connect()
    await queue('one', 5)
    expect(await client.sendSignals({ prune, batchSize: 1 })).toMatchObject({ sent: 5 })
    expect(await client.signalCounts()).toMatchObject(counts)
    expect(trail()).toEqual([REGISTER, LOGIN, ...Array(5).fill(SIGNALS), METRICS])
  })

  it('of a machine with a good token only sends', async () => {
    const { client, queue, trail } = await connect()
    await queue('one', 2)
    await client.sendSignals()
    await queue('one', 2)
    trail()
    expect(await client.sendSignals()).toMatchObject({ sent: 2 })
    expect(trail()).toEqual([SIGNALS, METRICS])
  })

  it('of a machine whose token is over logs in first', async () => {
    const { client, queue, trail, advance } = await connect()
    await queue('one', 2)
    await client.sendSignals()
    advance(HOUR)
    await queue('one', 2)
    trail()
    expect(await client.sendSignals()).toMatchObject({ sent: 2 })
    expect(trail()).toEqual([LOGIN, SIGNALS, METRICS])
  })

  it.each([
    [3_589_000, [SIGNALS, METRICS]],
    [3_591_000, [LOGIN, SIGNALS, METRICS]],
  ])('%i ms into a token of an hour, with 10 s to go', async (age, expected) => {
    const { client, queue, trail, advance } = await connect()
    await client.login(machineIdOf('one'))
    advance(age)
    trail()
    await queue('one', 1)
    await client.sendSignals()
    expect(trail()).toEqual(expected)
  })

  it('of a new, a stale and a good machine at once', async () => {
    const { client, queue, trail, advance, capi } = await connect()
    await client.login(machineIdOf('stale'))
    advance(HOUR)
    await client.login(machineIdOf('good'))
    trail()
    for (const key of ['new', 'stale', 'good']) await queue(key, 1)
    expect(await client.sendSignals()).toEqual({ sent: 3, quarantined: 0, remaining: 0, failures: [] })
    const expected = [REGISTER, LOGIN, LOGIN, SIGNALS, SIGNALS, SIGNALS, METRICS, METRICS, METRICS]
    expect(trail().toSorted()).toEqual(expected.toSorted())
    expect(new Set(capi.signals.map(({ machineId }) => machineId)).size).toBe(3)
  })

  it('that CAPI answers with 401 for good keeps the signals, and says so', async () => {
    const { client, queue, trail, capi } = await connect({ client: { maxRetries: 1 } })
    await queue('one', 2)
    capi.fault({ kind: 'status', status: 401 }, { match: ({ path }) => path === '/v3/signals' })
    const report = await client.sendSignals()
    expect(report).toMatchObject({
      sent: 0,
      remaining: 2,
      failures: [{ error: { code: 'ERR_CSB_CAPI_AUTH', status: 401 } }],
    })
    expect(trail()).toEqual([REGISTER, LOGIN, 'POST signals 401', LOGIN, 'POST signals 401'])
    expect(await client.listSignals({ state: 'queued' })).toHaveLength(2)
  })
})

describe('getDecisions', () => {
  it('registers and logs in where that is due', async () => {
    const { client, trail, advance, capi } = await connect()
    capi.setCommunity([{ value: '192.0.2.1' }])
    const id = machineIdOf('one')
    expect((await client.getDecisions(id)).new).toHaveLength(1)
    expect(trail()).toEqual([REGISTER, LOGIN, DECISIONS])
    await client.getDecisions(id)
    expect(trail()).toEqual([DECISIONS])
    advance(HOUR)
    await client.getDecisions(id)
    expect(trail()).toEqual([LOGIN, DECISIONS])
  })
})

describe('enrollMachines', () => {
  const options = { name: 'web', attachmentKey: 'key1', tags: ['a', 'b', 'a'] }
  const ids = [machineIdOf('one'), machineIdOf('two')]

  it('registers and logs in where that is due', async () => {
    const { client, trail, advance, capi } = await connect({ capi: { attachmentKeys: ['key1'] } })
    const results = await client.enrollMachines(ids, options)
    expect(results).toEqual(ids.map((machineId) => ({ machineId, outcome: 'accepted' })))
    expect(trail()).toEqual([REGISTER, LOGIN, ENROLL, REGISTER, LOGIN, ENROLL])
    expect(capi.machines().map(({ enrollment }) => enrollment)).toMatchObject([
      { name: 'web', tags: ['a', 'b'] },
      { name: 'web', tags: ['a', 'b'] },
    ])
    const [one] = ids
    expect(await client.enrollMachines([one], options)).toEqual([{ machineId: one, outcome: 'already enrolled' }])
    expect(trail()).toEqual(['POST watchers/enroll 200'])
    advance(HOUR)
    const again = await client.enrollMachines([one], { ...options, overwrite: true })
    expect(again).toEqual([{ machineId: one, outcome: 'accepted' }])
    expect(trail()[0]).toBe(LOGIN)
  })
})

describe('a storage', () => {
  it.each([
    [{ limit: 5 }, 5],
    [{ limit: 5, offset: 8 }, 2],
    [{ limit: 50 }, 10],
    [{ limit: 50, state: 'sent' as const }, 0],
    [{ limit: 50, state: 'queued' as const }, 10],
  ])('lists %j of 10 signals: %i', async (filter, count) => {
    const storage = new MemoryStorage()
    await storage.signals.add(signalsOf(generateMachineId('one'), 10))
    expect(await storage.signals.list(filter)).toHaveLength(count)
  })

  it('gives back a signal with its source, context and decisions as it was', async () => {
    const { signals } = new MemoryStorage()
    const [plain] = signalsOf(generateMachineId('one'), 1)
    const signal = {
      ...plain,
      source: { ...plain.source, cn: 'FR', as_number: '65000', latitude: 1.5, longitude: -2 },
      context: [1, 2, 3, 4].map((n) => ({ key: `k${n}`, value: `v${n}` })),
      decisions: [
        { id: 0, duration: '24h', origin: 'x', scenario: 'a/b', scope: 'ip', type: 'ban', value: '192.0.2.1' },
        { id: 0, duration: '24h', origin: 'x', scenario: 'a/b', scope: 'ip', type: 'ban', value: '192.0.2.2' },
      ],
    }
    await signals.add([signal])
    expect(await signals.list({ limit: 9 })).toMatchObject([{ signal, state: 'queued' }])
  })

  it('knows a signal by its uuid, and a machine by its id', async () => {
    const { signals, machines } = new MemoryStorage()
    const added = signalsOf(generateMachineId('one'), 3)
    expect(await signals.add(added)).toEqual({ added: 3, known: 0, dropped: 0 })
    expect(await signals.add(added)).toEqual({ added: 0, known: 3, dropped: 0 })
    const machine = {
      machineId: generateMachineId('one'),
      password: 'p',
      isGiven: true,
      api: null,
      token: null,
      tokenExpiresAt: null,
      scenarios: [],
      standing: { state: 'active' as const },
      createdAt: 1,
    }
    expect([await machines.add(machine), await machines.add({ ...machine, password: 'q' })]).toEqual([true, false])
    await machines.update(machine.machineId, { token: 't' })
    expect(await machines.list()).toEqual([{ ...machine, token: 't' }])
  })

  it('marks many at once', async () => {
    const { signals } = new MemoryStorage()
    const added = signalsOf(generateMachineId('one'), 10)
    await signals.add(added)
    await signals.markSent(
      added.map(({ uuid }) => uuid),
      { keep: true },
    )
    expect(await signals.counts()).toMatchObject({ queued: 0, sent: 10 })
  })
})
