/**
 * What became of signals with the Python SDK on a bad day, and what becomes of them here: every run ends, nothing is lost, nothing
 * that was taken is sent again, and a machine recovers by itself.
 */

import { describe, expect, it } from 'vitest'
import type { SendFailure } from '../../src/capi-client.js'
import type { Arrival, CapiFault } from '../../src/testing/index.js'
import { type Connected, connect, machineIdOf } from './connected-client.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const to =
  (path: string) =>
  (request: Arrival): boolean =>
    request.path === `/v3/${path}`
const status = (code: number, headers = {}): CapiFault => ({ kind: 'status', status: code, headers })

const codeOf = ({ error }: SendFailure) => ('code' in error ? String(error.code).replace('ERR_CSB_', '') : error.name)

const count = (trail: readonly string[], start: string) => trail.filter((line) => line.startsWith(start)).length

const RESET: CapiFault = { kind: 'down' }
const PAGE: CapiFault = { kind: 'html' }
const LOST: CapiFault = { kind: 'lost' }
const login = (body: string): CapiFault => ({ kind: 'garbage', body })

/**
 * Of 3 signals of a new machine, with 3 retries. Last: after how long all is well again by itself; `unblock` where a person has to
 * look. The comments say what the Python SDK (0.7.0) makes of it.
 */
type Day = readonly [
  path: string,
  fault: CapiFault,
  times: 'once' | 'always',
  outcome: string,
  over: number | 'unblock',
]

const days: readonly Day[] = [
  // An endless loop without a pause.
  ['signals', status(301), 'always', '0 sent, CAPI_STATUS, 1 push, 1 login', 5_000],
  ['signals', status(404), 'always', '0 sent, CAPI_STATUS, 1 push, 1 login', 0],
  ['signals', status(400), 'always', '0 sent, CAPI_STATUS, 5 pushes, 1 login', 0],
  ['signals', status(413), 'always', '0 sent, CAPI_STATUS, 5 pushes, 1 login', 0],
  ['signals', status(422), 'always', '0 sent, CAPI_STATUS, 5 pushes, 1 login', 0],
  ['signals', status(403), 'always', '0 sent, CAPI_AUTH, 1 push, 1 login', HOUR],
  ['signals', status(429), 'always', '0 sent, CAPI_STATUS, 4 pushes, 1 login', MINUTE],
  ['signals', status(429, { 'Retry-After': '7200' }), 'always', '0 sent, CAPI_STATUS, 1 push, 1 login', 2 * HOUR],
  ['signals', status(500), 'always', '0 sent, CAPI_STATUS, 4 pushes, 1 login', MINUTE],
  ['signals', status(502), 'always', '0 sent, CAPI_STATUS, 4 pushes, 1 login', MINUTE],
  ['signals', status(503), 'always', '0 sent, CAPI_STATUS, 4 pushes, 1 login', MINUTE],
  // The machine is flagged as failing for good, and its signals wait for ever.
  ['signals', status(401), 'always', '0 sent, CAPI_AUTH, 2 pushes, 2 logins', MINUTE],
  ['watchers/login', status(400), 'always', '0 sent, CAPI_STATUS, 0 pushes, 1 login', 'unblock'],
  ['watchers/login', status(401), 'always', '0 sent, CAPI_AUTH, 0 pushes, 1 login', HOUR],
  ['watchers/login', status(403), 'always', '0 sent, CAPI_AUTH, 0 pushes, 1 login', HOUR],
  ['watchers/login', status(429), 'always', '0 sent, CAPI_STATUS, 0 pushes, 4 logins', MINUTE],
  ['watchers/login', status(500), 'always', '0 sent, CAPI_STATUS, 0 pushes, 4 logins', MINUTE],
  ['watchers/login', status(503), 'always', '0 sent, CAPI_STATUS, 0 pushes, 4 logins', MINUTE],
  ['watchers/login', status(500), 'once', '3 sent, 1 push, 2 logins', 0],
  // A refused registration is taken for one that worked; a lost answer loses the password.
  ['watchers', status(400), 'once', '0 sent, CAPI_STATUS, 0 pushes, 0 logins', 'unblock'],
  ['watchers', status(403), 'once', '0 sent, CAPI_AUTH, 0 pushes, 0 logins', HOUR],
  ['watchers', status(500), 'once', '3 sent, 1 push, 1 login', 0],
  ['watchers', LOST, 'once', '3 sent, 1 push, 1 login', 0],
  ['watchers', RESET, 'once', '3 sent, 1 push, 1 login', 0],
  // The error leaves the run; the other machines do not get their turn.
  ['watchers', RESET, 'always', '0 sent, CONNECTION_LOST, 0 pushes, 0 logins', MINUTE],
  ['watchers/login', RESET, 'always', '0 sent, CONNECTION_LOST, 0 pushes, 4 logins', MINUTE],
  ['watchers/login', LOST, 'once', '3 sent, 1 push, 2 logins', 0],
  ['signals', RESET, 'always', '0 sent, CONNECTION_LOST, 4 pushes, 1 login', MINUTE],
  ['metrics', RESET, 'always', '3 sent, 1 push, 1 login', 0],
  ['metrics', status(500), 'always', '3 sent, 1 push, 1 login', 0],
  // KeyError, JSONDecodeError; an endless loop of logins.
  ['watchers/login', PAGE, 'once', '3 sent, 1 push, 2 logins', 0],
  ['watchers/login', login('{"code":200}'), 'once', '3 sent, 1 push, 2 logins', 0],
  ['watchers/login', login('{"code":200,"token":null}'), 'always', '0 sent, CAPI_BODY, 0 pushes, 4 logins', MINUTE],
  // The page of a captive portal is taken for CAPI's answer, and the signals for sent.
  ['signals', PAGE, 'once', '3 sent, 2 pushes, 1 login', 0],
]

const some = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : noun === 'push' ? 'es' : 's'}`

describe('where', () => {
  it.each(days)('%s: %j, %s: %s', async (path, fault, times, outcome, over) => {
    const { client, capi, queue, trail, advance } = await connect()
    await queue('one', 3)
    capi.fault(fault, { match: to(path), ...(times === 'once' ? { times: 1 } : {}) })
    const report = await client.sendSignals()
    const requests = trail()
    const told = [
      `${report.sent} sent`,
      ...report.failures.map(codeOf),
      some(count(requests, 'POST signals'), 'push'),
      some(count(requests, 'POST watchers/login'), 'login'),
    ]
    expect(told.join(', ')).toBe(outcome)
    expect(report.remaining).toBe(3 - report.sent)
    // Then CAPI works again.
    capi.heal()
    if (over === 'unblock') expect(await client.unblock()).toBe(1)
    else advance(over)
    expect(await client.sendSignals()).toMatchObject({
      sent: report.remaining,
      quarantined: 0,
      remaining: 0,
      failures: [],
    })
    expect([capi.uuids().size, capi.duplicates()]).toEqual([3, []])
  })
})

/** A machine with 600 signals, logged in. */
async function large(options: Parameters<typeof connect>[0] = {}): Promise<Connected> {
  const connected = await connect(options)
  await connected.client.login(machineIdOf('one'))
  await connected.queue('one', 600)
  connected.trail()
  return connected
}

describe('of three chunks', () => {
  const second = (fault: CapiFault, { capi }: Connected, times: number) => {
    let nth = 0
    capi.fault(fault, { times, match: (request) => to('signals')(request) && ++nth > 1 })
  }

  it('the second gets 401 once: a new login, and nothing is sent twice', async () => {
    const connected = await large()
    second(status(401), connected, 1)
    expect(await connected.client.sendSignals()).toMatchObject({ sent: 600, remaining: 0, failures: [] })
    expect(connected.capi.duplicates()).toEqual([])
    expect(count(connected.trail(), 'POST watchers/login')).toBe(1)
  })

  it('the second and all after get 401: the first is sent and counted', async () => {
    const connected = await large()
    const { lines } = connected
    second(status(401), connected, 99)
    expect(await connected.client.sendSignals()).toMatchObject({ sent: 250, remaining: 350 })
    expect(await connected.client.signalCounts()).toMatchObject({ queued: 350, sent: 0 })
    expect(lines.filter((line) => line.includes('was not told'))).toEqual([])
  })

  it('the second gets 500 once: all are sent, counted and pruned', async () => {
    const connected = await large()
    second(status(500), connected, 1)
    expect(await connected.client.sendSignals()).toMatchObject({ sent: 600, remaining: 0, failures: [] })
    expect(await connected.client.signalCounts()).toMatchObject({ queued: 0, sent: 0 })
    expect(connected.capi.duplicates()).toEqual([])
  })

  it('the answer to the second is lost: those in flight arrive twice, with the same uuids', async () => {
    const connected = await large()
    second({ kind: 'lost' }, connected, 1)
    expect(await connected.client.sendSignals()).toMatchObject({ sent: 600, remaining: 0, failures: [] })
    expect(connected.capi.uuids().size).toBe(600)
    expect(connected.capi.duplicates()).toHaveLength(250)
  })

  it('one signal is bad: it alone is set aside, with what CAPI said', async () => {
    const { storage, capi, client } = await large()
    const [bad] = await storage.signals.list({ limit: 1, offset: 300 })
    capi.fault(status(400), { match: ({ path, body }) => path === '/v3/signals' && body.includes(bad.signal.uuid) })
    expect(await client.sendSignals()).toMatchObject({ sent: 599, quarantined: 1, remaining: 0, failures: [] })
    const [{ signal, reason }] = await client.listSignals({ state: 'quarantined' })
    expect([signal.uuid, reason]).toEqual([bad.signal.uuid, expect.stringMatching(/status 400.*fault on demand/)])
    capi.heal()
    expect(await client.requeueSignals()).toBe(1)
    expect(await client.sendSignals()).toMatchObject({ sent: 1, remaining: 0 })
  })
})

describe('metrics that CAPI answers with', () => {
  it.each<[number, object]>([
    [400, {}],
    [401, {}],
    [403, {}],
    [404, {}],
    [429, { 'Retry-After': '3600' }],
    [500, {}],
  ])('%i hold up nothing, cost no login, and are told in the log once', async (code, headers) => {
    const { client, capi, queue, trail, advance, lines } = await connect({ capi: { tokenLifetime: 24 * HOUR } })
    const keys = ['one', 'two', 'three', 'four', 'five', 'six']
    capi.fault(status(code, headers), { match: to('metrics') })
    for (let run = 0; run < 6; run++) {
      for (const key of keys) await queue(key, 1)
      expect(await client.sendSignals()).toMatchObject({ sent: 6, remaining: 0, failures: [] })
      advance(10 * MINUTE)
    }
    const requests = trail()
    expect([count(requests, 'POST watchers/login'), await client.breaker()]).toEqual([6, null])
    expect((await client.machines()).map(({ standing, token }) => `${standing.state}, ${token}`)).toEqual(
      keys.map(() => 'active, kept'),
    )
    const told = lines.filter((line) => line.includes('was not told of machine'))
    expect(told.length).toBeGreaterThan(1)
    expect(told.filter((line) => line.startsWith('warn: '))).toEqual([expect.stringContaining(`status ${code}`)])
  })

  it('200 again are told of when they fail the next time', async () => {
    const { client, capi, queue, lines } = await connect()
    for (let round = 0; round < 2; round++) {
      await queue('one', 1)
      capi.fault(status(500), { match: to('metrics') })
      await client.sendSignals()
      capi.heal()
      await queue('one', 1)
      await client.sendSignals()
    }
    const told = `warn: CAPI was not told of machine ${machineIdOf('one')}: CAPI at `
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual(Array(2).fill(expect.stringContaining(told)))
  })
})

describe('a token', () => {
  it('that was revoked before its time costs one login', async () => {
    const { client, queue, capi, trail } = await connect()
    await queue('one', 2)
    await client.sendSignals()
    capi.revokeTokens()
    await queue('one', 2)
    trail()
    expect(await client.sendSignals()).toMatchObject({ sent: 2, failures: [] })
    expect(trail()).toEqual(['POST signals 401', 'POST watchers/login 200', 'POST signals 200', 'POST metrics 200'])
  })
})

describe('many machines', () => {
  it('one that is refused holds up no other', async () => {
    const { client, queue, capi } = await connect()
    const [bad] = await queue('bad', 2)
    for (const key of ['x', 'y', 'z']) await queue(key, 2)
    capi.fault(status(404), { match: ({ path, body }) => path === '/v3/signals' && body.includes(bad.machine_id) })
    const report = await client.sendSignals()
    expect(report).toMatchObject({ sent: 6, remaining: 2, failures: [{ machineId: bad.machine_id }] })
  })

  it('25 new ones stay within the logins that CAPI allows, and go on when there are some again', async () => {
    const { client, queue, capi, advance, trail } = await connect()
    for (let nth = 0; nth < 25; nth++) await queue(`machine ${nth}`, 1)
    const report = await client.sendSignals()
    expect(report).toMatchObject({ sent: 18, remaining: 7 })
    expect(new Set(report.failures.map(codeOf))).toEqual(new Set(['CAPI_BUDGET']))
    expect(trail().filter((line) => line.endsWith('403'))).toEqual([])
    advance(50 * MINUTE)
    expect(await client.sendSignals()).toMatchObject({ sent: 7, remaining: 0, failures: [] })
    expect(capi.uuids().size).toBe(25)
  })

  it('after a 403 nobody asks for an hour', async () => {
    const { client, queue, capi, trail, advance, lines } = await connect()
    await queue('one', 1)
    capi.fault(status(403), { times: 1, match: to('watchers/login') })
    await client.sendSignals()
    expect(lines).toContainEqual(expect.stringMatching(/^error: All requests to CAPI pause until 2026-03-04T06:/))
    await queue('two', 1)
    trail()
    for (let nth = 0; nth < 5; nth++) {
      expect((await client.sendSignals()).failures.map(codeOf)).toEqual(['CAPI_BLOCKED', 'CAPI_BLOCKED'])
      advance(10 * MINUTE)
    }
    expect(trail()).toEqual([])
    expect(await client.breaker()).not.toBeNull()
    advance(11 * MINUTE)
    // One goes ahead; what the other may do depends on it.
    expect(await client.sendSignals()).toMatchObject({ sent: 1 })
    expect(await client.sendSignals()).toMatchObject({ sent: 1, remaining: 0, failures: [] })
  })
})
