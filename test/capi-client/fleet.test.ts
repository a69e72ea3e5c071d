/** Many machines on one storage, more than may log in at once, some of them with wrong passwords; and many processes for one machine. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCapiClient } from '../../src/capi-client.js'
import { FakeCapi } from '../../src/testing/index.js'
import { connect, machineIdOf, SCENARIOS } from './connected-client.js'

const MINUTE = 60_000

const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `machine ${index}`)

describe('40 machines', () => {
  it('all get their turn, although each has something to send all the time', async () => {
    const { capi, client, advance, queue } = await connect({ random: () => 0.5 })
    for (let run = 0; run < 16; run++) {
      for (const key of keysOf(40)) await queue(key, 1)
      await client.sendSignals()
      advance(10 * MINUTE)
    }
    const heard = new Set(capi.signals.map(({ machineId }) => machineId))
    expect(keysOf(40).filter((key) => !heard.has(machineIdOf(key)))).toEqual([])
    expect(await client.breaker()).toBeNull()
    expect(client.counts.logins).toMatchObject({ refused: 0 })
  })

  it('send in one run where CAPI sets no limit', async () => {
    const { client, queue } = await connect({ capi: { throttle: 'off' }, client: { loginBudget: 'unlimited' } })
    for (const key of keysOf(40)) await queue(key, 1)
    expect(await client.sendSignals()).toMatchObject({ sent: 40, remaining: 0, failures: [] })
    expect(client.counts.logins).toMatchObject({ ok: 40, 'over budget': 0 })
  })
})

it.each([
  ['one of 6 machines', 6, 6],
  ['5 of 15 machines', 15, 3],
])('%s has a wrong password, and the others have sent after little more than an hour', async (_name, count, nth) => {
  const keys = keysOf(count)
  const isBad = (index: number) => index % nth === 0
  const passwords = Object.fromEntries(keys.map((key) => [machineIdOf(key), `password of ${key}`]))
  const { capi, client, advance, queue } = await connect({ capi: { machines: passwords }, random: () => 0.5 })
  for (const [index, key] of keys.entries()) {
    await client.addMachine(machineIdOf(key), isBad(index) ? 'stale' : `password of ${key}`)
    await queue(key, 1)
  }
  const good = keys.filter((_, index) => !isBad(index)).map(machineIdOf)
  const waits = () => good.filter((machineId) => !capi.signals.some((signal) => signal.machineId === machineId))
  let minutes = 0
  for (; ; minutes += 10) {
    await client.sendSignals()
    if (waits().length === 0 || minutes > 600) break
    advance(10 * MINUTE)
  }
  expect(minutes).toBeLessThanOrEqual(70)
  // The right passwords bring the others back, too.
  advance(60 * MINUTE)
  await client.unblock()
  for (const [index, key] of keys.entries()) {
    if (isBad(index)) await client.addMachine(machineIdOf(key), `password of ${key}`)
  }
  expect(await client.sendSignals()).toMatchObject({ remaining: 0, failures: [] })
})

it('one machine needs one login, however many processes want its token', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'))
  const machineId = machineIdOf('one')
  const capi = await FakeCapi.start({ machines: { [machineId]: 'password' } })
  const open = () =>
    createCapiClient({ scenarios: SCENARIOS, url: `${capi.url}/v3`, storage: `sqlite:${join(folder, 'storage.db')}` })
  const clients = await Promise.all(Array.from({ length: 20 }, open))
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await capi.stop()
    rmSync(folder, { recursive: true })
  })
  await clients[0].addMachine(machineId, 'password')
  await Promise.all(clients.map((client) => client.getDecisions(machineId)))
  const asked = (end: string) => capi.requests.filter(({ path }) => path.endsWith(end)).length
  expect([asked('/watchers'), asked('/login'), asked('/stream')]).toEqual([1, 1, 20])
  await clients[1].getDecisions(machineIdOf('two'))
})
