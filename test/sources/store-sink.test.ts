/** What any source may do to its sink, and what the bouncer does meanwhile. */

import { describe, expect, it, onTestFinished } from 'vitest'
import { type Bouncer, createBouncer, type DecisionSink, type WireDecision } from '../../src/index.js'
import { decision } from '../source-of-decisions.js'

/** A bouncer whose one source is the test itself. */
function bouncerAndSink(): { readonly bouncer: Bouncer; readonly sink: Promise<DecisionSink> } {
  let take: (sink: DecisionSink) => void
  const sink = new Promise<DecisionSink>((resolve) => {
    take = resolve
  })
  const source = { name: 'test', start: (given: DecisionSink) => take(given), stop() {} }
  const bouncer = createBouncer({ sources: [source], startTimeout: 100 })
  void bouncer.start()
  onTestFinished(() => bouncer.stop())
  return { bouncer, sink }
}

const MANY: readonly WireDecision[] = Array.from({ length: 100_000 }, (_, i) =>
  decision({ id: i + 1, value: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` }),
)

/** How often the event loop turns until the work is done, with a check in each turn. */
async function turnsDuring(bouncer: Bouncer, work: Promise<unknown>): Promise<number> {
  let turns = 0
  let isDone = false
  const visit = () => {
    if (isDone) return
    bouncer.check('10.0.0.1')
    turns++
    setImmediate(visit)
  }
  setImmediate(visit)
  await work
  isDone = true
  return turns
}

describe('a list of 100,000 that is all in memory', () => {
  it('does not hold up the event loop, neither as a whole nor as a change', async () => {
    const { bouncer, sink } = bouncerAndSink()
    const target = await sink
    expect(await turnsDuring(bouncer, target.replaceAll(MANY))).toBeGreaterThan(5)
    expect(bouncer.stats().decisions).toBe(100_000)
    expect(await turnsDuring(bouncer, target.apply({ new: MANY }))).toBeGreaterThan(5)
    expect(await turnsDuring(bouncer, target.apply({ deleted: MANY }))).toBeGreaterThan(5)
    expect(bouncer.stats().decisions).toBe(0)
  })

  it('takes the place of the old one in one step', async () => {
    const { bouncer, sink } = bouncerAndSink()
    const target = await sink
    await target.replaceAll([decision({ value: '192.0.2.1' })])
    const seen = new Set<string>()
    const watch = setInterval(() => seen.add(`${bouncer.check('192.0.2.1').action} ${bouncer.stats().decisions}`), 1)
    await target.replaceAll(MANY)
    clearInterval(watch)
    expect([...seen]).toEqual(['ban 1'])
    expect(bouncer.check('192.0.2.1').action).toBe('allow')
    expect(bouncer.stats().decisions).toBe(100_000)
  })
})

describe('calls that overlap', () => {
  it('count one after the other', async () => {
    const { bouncer, sink } = bouncerAndSink()
    const target = await sink
    const summaries = await Promise.all([
      target.replaceAll(MANY),
      target.apply({ new: [decision({ value: '192.0.2.1' })] }),
      target.apply({ deleted: MANY }),
      target.replaceAll([decision({ value: '192.0.2.2' })]),
      target.apply({ deleted: [decision({ value: '192.0.2.1' })], new: [decision({ value: '192.0.2.3' })] }),
    ])
    expect(summaries.map(({ held }) => held)).toEqual([100_000, 100_001, 1, 1, 2])
    expect(['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => bouncer.check(address).action)).toEqual([
      'allow',
      'ban',
      'ban',
    ])
  })
})

describe('a change that replaces', () => {
  const listed = (scenario: string, value: string) => decision({ id: undefined, origin: 'lists', scenario, value })
  const ofList = (name: string) => (origin: string, scenario: string) => origin === 'lists' && scenario === name

  it('takes away what it names and does not bring, in slices, and nothing else', async () => {
    const { bouncer, sink } = bouncerAndSink()
    const target = await sink
    const old = MANY.map(({ value }) => listed('old', value))
    await target.replaceAll([...old, listed('other', '192.0.2.1')])
    const renewed = [listed('old', '10.0.0.1'), listed('old', '192.0.2.2')]
    const work = target.apply({ new: renewed, replaces: ofList('old') })
    expect(await turnsDuring(bouncer, work)).toBeGreaterThan(2)
    expect(await work).toMatchObject({ held: 3, added: 2, removed: 99_999 })
    const addresses = ['192.0.2.1', '192.0.2.2', '10.0.0.1', '10.0.0.2']
    expect(addresses.map((address) => bouncer.check(address).action)).toEqual(['ban', 'ban', 'ban', 'allow'])
  })

  it('does so when all of its pieces have come, and not at all if one does not', async () => {
    const { bouncer, sink } = bouncerAndSink()
    const target = await sink
    await target.replaceAll([listed('a', '192.0.2.1'), listed('b', '192.0.2.2')])
    async function* pieces(breaks: boolean) {
      yield { replaces: ofList('a') }
      if (breaks) throw new Error('the wire was cut')
      yield { new: [listed('a', '192.0.2.3')], replaces: ofList('b') }
    }
    const actions = () => [1, 2, 3].map((last) => bouncer.check(`192.0.2.${last}`).action).join(' ')
    await expect(target.apply(pieces(true))).rejects.toThrow('the wire was cut')
    expect(actions()).toBe('ban ban allow')
    await target.apply(pieces(false))
    expect(actions()).toBe('allow allow ban')
  })
})

describe('an iteration that throws', () => {
  async function* broken(): AsyncGenerator<WireDecision> {
    yield decision({ value: '192.0.2.9' })
    throw new Error('the wire was cut')
  }

  it('leaves the old set, and the sink goes on', async () => {
    const { bouncer, sink } = bouncerAndSink()
    const target = await sink
    await target.replaceAll([decision({ value: '192.0.2.1' })])
    await expect(target.replaceAll(broken())).rejects.toThrow('the wire was cut')
    expect(['192.0.2.1', '192.0.2.9'].map((address) => bouncer.check(address).action)).toEqual(['ban', 'allow'])
    expect(await target.apply({ new: [decision({ value: '192.0.2.2' })] })).toEqual({
      held: 2,
      added: 1,
      removed: 0,
      skipped: 0,
    })
  })
})
