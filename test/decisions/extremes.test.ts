import { describe, expect, it } from 'vitest'
import { DecisionStore } from '../../src/decisions/decision-store.js'
import { Judge } from '../../src/decisions/judge.js'
import { Sweeper } from '../../src/decisions/sweeper.js'
import { ipv4Text } from '../oracle/decision-list-oracle.js'
import { decision } from '../source-of-decisions.js'

/** A store and a clock that the test moves. */
function setUp() {
  const clock = { now: 1_000_000 }
  const store = new DecisionStore({ clock: () => clock.now })
  const judge = new Judge([{ store }])
  return { clock, store, isBanned: (address: string) => judge.judge(address, undefined).action === 'ban' }
}

describe('shapes that a hash table may dislike', () => {
  it.each([
    ['every address of a /24', 256],
    ['every address of a /16', 65_536],
  ])('%s, one by one, and then every other one goes', (_name, count) => {
    const { store, isBanned } = setUp()
    const address = (i: number) => ipv4Text(0x0a010000 + i)
    for (let i = 0; i < count; i++) store.put(decision({ value: address(i) }))
    expect(store.size).toBe(count)
    for (let i = 0; i < count; i += 2) store.remove(decision({ value: address(i) }))
    const wrong = Array.from({ length: count }, (_, i) => i).filter((i) => isBanned(address(i)) !== (i % 2 === 1))
    expect(wrong).toEqual([])
    expect([isBanned('10.0.255.255'), isBanned('10.2.0.0')]).toEqual([false, false])
  })

  it('100,000 IPv6 addresses in one /64', () => {
    const { store, isBanned } = setUp()
    const address = (i: number) => `2001:db8::${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}`
    for (let i = 0; i < 100_000; i++) store.put(decision({ value: address(i) }))
    const wrong = Array.from({ length: 100_100 }, (_, i) => i).filter((i) => isBanned(address(i)) !== i < 100_000)
    expect(wrong).toEqual([])
  })

  it('10,000 decisions of as many types on one address', () => {
    const { store } = setUp()
    for (let i = 0; i < 10_000; i++) store.put(decision({ type: `type ${i}` }))
    expect(store.size).toBe(10_000)
    for (let i = 0; i < 10_000; i++) expect(store.remove(decision({ type: `type ${i}` }))).toBe(true)
    expect(store.size).toBe(0)
  })
})

describe('1,000,000 decisions that end in one second', () => {
  it('are over at once and freed in slices, while the event loop turns', { timeout: 60_000 }, async () => {
    const { clock, store, isBanned } = setUp()
    for (let i = 0; i < 1_000_000; i++)
      store.put(decision({ value: ipv4Text(Math.imul(i, 0x9e3779b1)), duration: '1h' }))
    expect(isBanned(ipv4Text(Math.imul(7, 0x9e3779b1)))).toBe(true)
    clock.now += 3_600_000
    expect(isBanned(ipv4Text(Math.imul(7, 0x9e3779b1)))).toBe(false)
    const sweeper = new Sweeper(() => [store])
    sweeper.start()
    let turns = 0
    while (store.size > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      turns++
    }
    sweeper.stop()
    expect(turns).toBeGreaterThan(100)
  })
})
