/** CrowdSec's own custom bouncer beside ours, on one real engine: at the end of every step both hold the same. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Bouncer, createBouncer } from '../../src/index.js'
import type { NewDecision } from '../../src/testing/index.js'
import { CrowdsecEngine } from './crowdsec-engine.js'
import { CustomBouncer } from './custom-bouncer.js'

let engine: CrowdsecEngine
let theirs: CustomBouncer
let ours: Bouncer

beforeAll(async () => {
  engine = await CrowdsecEngine.start()
  await engine.cscli('bouncers', 'add', 'theirs', '-k', 'their-key')
  await engine.postAlert(decisionsOn(['192.0.2.1', '192.0.2.2']))
  ours = createBouncer({
    apiUrl: engine.url,
    apiKey: engine.apiKey,
    streamUpdateFrequency: '1s',
    usageMetricsInterval: 0,
  })
  theirs = await CustomBouncer.start({ apiUrl: engine.url, apiKey: 'their-key' })
  await ours.start()
})
afterAll(async () => {
  await ours?.stop()
  await theirs?.stop()
  await engine?.stop()
})

const values = [
  '192.0.2.1', '192.0.2.2', '192.0.2.3', '198.51.100.0/24', '2001:db8::1', '2001:DB8::2', '2001:db8:1::/48', '203.0.113.77/28',
] // biome-ignore format: a list

/** What ours holds: a decision with exactly this value. */
function heldByOurs(): readonly string[] {
  return values.filter((value) => {
    const [address = ''] = value.split('/')
    return ours.explain(address).some((decision) => decision.value === value)
  })
}

/** What theirs holds: added and not deleted since. */
async function heldByTheirs(): Promise<readonly string[]> {
  const held = new Set<string>()
  for (const { verb, value } of await theirs.calls()) {
    if (verb === 'add') held.add(value)
    else held.delete(value)
  }
  return values.filter((value) => held.has(value))
}

async function bothHold(expected: readonly string[]): Promise<void> {
  await expect.poll(heldByTheirs, { timeout: 15_000, interval: 100 }).toEqual(expected)
  await expect.poll(heldByOurs, { timeout: 15_000, interval: 100 }).toEqual(expected)
}

/** Posted together, because each insert during a pull may be lost to the LAPI's deltas, whoever pulls. */
function decisionsOn(values: readonly string[]): readonly NewDecision[] {
  return values.map((value) => ({ value, scope: value.includes('/') ? 'Range' : 'Ip', duration: '1h' }))
}

it.each<[string, () => Promise<unknown>, readonly string[]]>([
  ['at the start', async () => {}, ['192.0.2.1', '192.0.2.2']],
  ['after adds of every kind', () => engine.postAlert(decisionsOn(values.slice(2))), values],
  [
    'after deletes',
    async () => {
      await engine.deleteDecisions({ value: '192.0.2.2' })
      await engine.deleteDecisions({ value: '198.51.100.0/24' })
      await engine.deleteDecisions({ value: '2001:DB8::2' })
    },
    ['192.0.2.1', '192.0.2.3', '2001:db8::1', '2001:db8:1::/48', '203.0.113.77/28'],
  ],
  [
    'after one was deleted and added again',
    async () => {
      await engine.deleteDecisions({ value: '192.0.2.1' })
      await engine.postAlert(decisionsOn(['192.0.2.1', '192.0.2.2']))
    },
    ['192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8::1', '2001:db8:1::/48', '203.0.113.77/28'],
  ],
  [
    'after one came and ended by itself',
    async () => {
      await engine.addDecision({ value: '198.51.100.0/24', scope: 'Range', duration: '4s' })
      await bothHold(values.filter((value) => value !== '2001:DB8::2'))
    },
    ['192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8::1', '2001:db8:1::/48', '203.0.113.77/28'],
  ],
  [
    'after a restart of the engine',
    async () => {
      await engine.restart()
      await engine.deleteDecisions({ value: '2001:db8::1' })
    },
    ['192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8:1::/48', '203.0.113.77/28'],
  ],
  ['after all are deleted', () => engine.cscli('decisions', 'delete', '--all'), []],
])('%s', async (_name, change, expected) => {
  await change()
  await bothHold(expected)
})

it('theirs was told nothing else, and ours holds nothing else', async () => {
  const calls = await theirs.calls()
  expect(calls.filter(({ verb }) => verb === 'add').length).toBeGreaterThanOrEqual(values.length)
  expect(calls.filter(({ value }) => !values.includes(value))).toEqual([])
  expect(ours.stats().decisions).toBe(0)
})
