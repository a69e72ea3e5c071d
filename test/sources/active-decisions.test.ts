/** Decisions in force, counted by what usage metrics tell apart. */

import { describe, expect, it, test } from 'vitest'
import { DecisionStore } from '../../src/decisions/decision-store.js'
import type { WireDecision } from '../../src/index.js'
import { countActive } from '../../src/sources/active-decisions.js'
import { decision } from '../source-of-decisions.js'

function storeOf(decisions: Iterable<WireDecision>, clock = () => performance.now()): DecisionStore {
  const store = new DecisionStore({ clock })
  for (const one of decisions) store.put(one)
  return store
}

async function linesOf(store: DecisionStore): Promise<string[]> {
  const counts = await countActive(store)
  return counts.map(({ origin, list, ipType, count }) => `${origin} ${list} ${ipType} ${count}`).sort()
}

const CASES: readonly (readonly [string, readonly Partial<WireDecision>[], readonly string[]])[] = [
  ['nothing', [], []],
  ['addresses of both families', [{ value: '1.1.1.1' }, { value: '::1' }], ['cscli  ipv4 1', 'cscli  ipv6 1']],
  ['a mapped address is IPv4', [{ value: '::ffff:1.1.1.1' }], ['cscli  ipv4 1']],
  ['types are not told apart', [{ type: 'ban' }, { type: 'captcha' }], ['cscli  ipv4 2']],
  ['a range of several prefixes is one', [{ scope: 'Range', value: '10.0.0.1-10.0.0.9' }], ['cscli  ipv4 1']],
  [
    'lists by name, other origins not by scenario',
    [
      { origin: 'lists', scenario: 'tor', value: '1.1.1.1' },
      { origin: 'lists', scenario: 'tor', value: '1.1.1.2' },
      { origin: 'lists', scenario: 'vpn', value: '1.1.1.1', type: 'captcha' },
      { origin: 'CAPI', scenario: 'a', value: '2.2.2.1' },
      { origin: 'CAPI', scenario: 'b', value: '2.2.2.2' },
    ],
    ['CAPI  ipv4 2', 'lists tor ipv4 2', 'lists vpn ipv4 1'],
  ],
  [
    'no address',
    [
      { scope: 'Country', value: 'FR' },
      { scope: 'username', value: 'bob' },
    ],
    ['cscli  null 2'],
  ],
]

test.each(CASES)('%s', async (_name, decisions, lines) => {
  expect(await linesOf(storeOf(decisions.map((one, id) => decision({ id, ...one }))))).toEqual(lines)
})

describe('what is over', () => {
  it('does not count, swept or not', async () => {
    let now = 0
    const store = storeOf([decision({ duration: '1h' }), decision({ value: '2.2.2.2', duration: '2h' })], () => now)
    now = 90 * 60_000
    expect(await linesOf(store)).toEqual(['cscli  ipv4 1'])
    store.sweep(0, 1000)
    expect(await linesOf(store)).toEqual(['cscli  ipv4 1'])
  })
})

it('counts 300,000 in slices: others have their turn', async () => {
  function* many() {
    for (let i = 0; i < 300_000; i++) {
      const value = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
      yield decision({ id: i, value, ...(i % 3 === 0 ? { origin: 'lists', scenario: `list ${i % 2}` } : {}) })
    }
  }
  const store = storeOf(many())
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const lines = await linesOf(store)
  clearInterval(timer)
  expect(lines).toEqual(['cscli  ipv4 200000', 'lists list 0 ipv4 50000', 'lists list 1 ipv4 50000'])
  expect(turns).toBeGreaterThan(0)
})
