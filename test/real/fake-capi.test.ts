/**
 * A real CrowdSec 1.4.6 with FakeCapi as its CAPI: the engine logs in, reports, pulls and pushes, and takes what it gets. It speaks
 * /v2. FakeCapi is strict here, so the engine's own signals also say that the contract it checks is the true one.
 */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { FakeCapi, type LoggedRequest } from '../../src/testing/index.js'
import { CrowdsecEngine } from './crowdsec-engine.js'

const machineId = 'enginetest'.padEnd(48, '0')
const password = 'engine-password'
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/)
const goTime = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000 UTC$/)

let capi: FakeCapi
let engine: CrowdsecEngine
let firstLogin: Promise<LoggedRequest>
let firstMetrics: Promise<LoggedRequest>
let firstPull: Promise<LoggedRequest>
let firstPush: Promise<LoggedRequest>

const answered = (path: string) => capi.nextAnswer((request) => request.path === path)
const listenForAll = () => {
  firstLogin = answered('/v2/watchers/login')
  firstMetrics = answered('/v2/metrics/')
  firstPull = answered('/v2/decisions/stream')
  firstPush = answered('/v2/signals')
}

beforeAll(async () => {
  capi = await FakeCapi.start({ strict: true, machines: { [machineId]: password } })
  capi.setCommunity([
    { value: '198.18.0.1', duration: '24h30m' },
    { value: '198.18.0.2', duration: '24h30m', scenario: 'crowdsecurity/http-probing' },
    { value: '198.18.4.0/24', scope: 'range', duration: '48h' },
  ])
  capi.addBlocklist({ name: 'some_list', duration: '12h', values: ['198.18.1.1'] })
  capi.delete('198.18.9.9')
  listenForAll()
  engine = await CrowdsecEngine.start({ capi: { url: capi.url, machineId, password } })
})
afterAll(async () => {
  await engine?.stop()
  await capi?.stop()
})

/** An alert without decisions, of a scenario that is no hub's. */
const seen = (ip: string) => ({ scenario: 'test/custom', source: { scope: 'Ip', value: ip, ip } })

/** What a bouncer of the engine sees: `new`, and `deleted` after a minus, sorted. */
async function stream(query: string): Promise<readonly string[]> {
  const answer = await fetch(`${engine.url}/v1/decisions/stream${query}`, { headers: { 'X-Api-Key': engine.apiKey } })
  type Decisions = readonly { readonly value: string; readonly scope: string; readonly origin: string }[] | null
  const body = (await answer.json()) as { readonly new: Decisions; readonly deleted: Decisions }
  return [...(body.new ?? []), ...(body.deleted ?? []).map((one) => ({ ...one, value: `-${one.value}` }))]
    .map(({ value, scope, origin }) => `${value} ${scope} ${origin}`)
    .sort()
}

it('logs in', async () => {
  const { status, headers, body } = await firstLogin
  expect(status).toBe(200)
  expect(headers['user-agent']).toMatch(/^crowdsec\/v1\.4\.6/)
  expect(JSON.parse(body)).toEqual({ machine_id: machineId, password, scenarios: [] })
})

it('sends metrics with the token that it got', async () => {
  const { status, headers } = await firstMetrics
  expect(status).toBe(200)
  expect(headers.authorization).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)
  expect(capi.metrics[0]).toEqual({
    machineId,
    at: expect.any(Number),
    body: {
      apil_version: expect.stringMatching(/^v1\.4\.6/),
      bouncers: [{ custom_name: 'harness', last_pull: goTime }],
      machines: [{ name: 'harness', last_push: goTime, last_update: goTime }],
    },
  })
})

it('pulls, and its bouncers get the community list and the blocklist', async () => {
  // Posting logs a machine in that has scenarios: the engine waits for the first such.
  await engine.postAlert([], seen('192.0.2.1'))
  const { status, url } = await firstPull
  expect([status, url]).toEqual([200, '/v2/decisions/stream?startup=true'])
  await expect
    .poll(() => stream('?startup=true'), { timeout: 10_000 })
    .toEqual(['198.18.0.1 Ip CAPI', '198.18.0.2 Ip CAPI', '198.18.1.1 Ip lists', '198.18.4.0/24 Range CAPI'])
})

it('has lost what it pushes with a revoked token', async () => {
  capi.revokeTokens()
  expect((await firstPush).status).toBe(401)
  expect(capi.signals).toEqual([])
})

it('logs in again and pushes signals that the contract accepts', async () => {
  const login = answered('/v2/watchers/login')
  const push = answered('/v2/signals')
  await engine.postAlert([], seen('192.0.2.1'))
  const source = { scope: 'Ip', value: '192.0.2.2', ip: '192.0.2.2', cn: 'FR', as_name: 'ACME', as_number: '64500' }
  const place = { latitude: 48.8, longitude: 2.3 }
  const certified = { scenario: 'crowdsecurity/ssh-bf', scenario_hash: 'f'.repeat(64), scenario_version: '0.1' }
  const decision = { value: '192.0.2.2', duration: '1h', origin: 'crowdsec' }
  await engine.postAlert([decision], { ...certified, source: { ...source, ...place } })
  expect((await login).status).toBe(200)
  const { status, headers } = await push
  expect([status, headers['content-type'], headers['content-encoding']]).toEqual([200, 'application/json', undefined])
  const known = { machine_id: 'harness', message: 'posted by a test', start_at: time, stop_at: time }
  expect(capi.signals.map(({ signal }) => signal)).toEqual([
    {
      ...known,
      ...seen('192.0.2.1'),
      scenario_hash: '',
      scenario_version: '',
      scenario_trust: 'custom',
    },
    { ...known, ...certified, scenario_trust: 'certified', source: { ...source, ...place } },
  ])
})

it('takes a deletion to its bouncers', async () => {
  await stream('')
  capi.delete('198.18.0.2')
  // It does not pull at a start within 90 minutes of the last pull, of which the alerts of that pull remind it.
  await engine.database.sql(`UPDATE alerts SET created_at = '2020-01-01 00:00:00+00:00';`)
  listenForAll()
  await engine.restart()
  expect((await firstPull).status).toBe(200)
  await expect.poll(() => stream('?startup=true'), { timeout: 10_000 }).toContain('-198.18.0.2 Ip CAPI')
  expect(await stream('?startup=true')).not.toContain('198.18.0.2 Ip CAPI')
  expect(await engine.cscli('decisions', 'list', '-a', '-o', 'raw')).not.toContain('198.18.0.2')
})
