import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { DecisionStore } from '../../src/decisions/decision-store.js'
import { Judge } from '../../src/decisions/judge.js'
import { readSnapshot, writeSnapshot } from '../../src/decisions/snapshot-file.js'
import { decision } from '../source-of-decisions.js'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'csb-snapshot-'))
  path = join(folder, 'decisions.snapshot')
})

afterEach(() => rm(folder, { recursive: true }))

const VALUES = [
  ...['1.2.3.4', '1.2.3.4/32', '2001:DB8::1', '2001:db8::2', '::ffff:5.6.7.8'].map((value) => decision({ value })),
  ...['10.0.0.0/8', '10.1.0.0/16', '198.51.100.7/25', '2001:db8:1::/48', '::/3', '192.0.2.10-192.0.2.20'].map(
    (value, i) =>
      decision({ scope: 'Range', value, type: ['ban', 'captcha', 'other'][i % 3], id: i, scenario: `Szenario ÿ ${i}` }),
  ),
  decision({ scope: 'Country', value: 'FR', type: 'captcha' }),
  decision({ scope: 'Country', value: 'FR', type: 'ban' }),
  decision({ scope: 'usernäme', value: 'böb ✓', id: '18446744073709551615', origin: 'lists' }),
]
const ADDRESSES = [
  '1.2.3.4',
  '2001:db8::1',
  '5.6.7.8',
  '10.1.2.3',
  '10.2.2.3',
  '198.51.100.9',
  '2001:db8:1::9',
  '192.0.2.15',
  '9.9.9.9',
]

function told(store: DecisionStore): unknown {
  const judge = new Judge([{ store }])
  const texts = { Country: 'FR', usernäme: 'böb ✓' }
  return [...ADDRESSES.map((address) => judge.explain(address, undefined)), judge.explain('9.9.9.9', texts)].map(
    (list) => list.map(({ until: _, ...rest }) => rest),
  )
}

async function readBack(clock?: () => number, settings = 's'): Promise<DecisionStore> {
  const store = new DecisionStore(clock === undefined ? {} : { clock })
  expect(await readSnapshot(path, settings, store)).toBe(true)
  return store
}

describe('a snapshot', () => {
  it('holds everything, and the store goes on from it', async () => {
    const store = new DecisionStore()
    for (const one of VALUES) store.put(one)
    store.remove(VALUES[0])
    await writeSnapshot(path, 's', store)
    const again = await readBack()
    expect(told(again)).toEqual(told(store))
    expect([...again.labels.counts()]).toEqual([...store.labels.counts()])
    expect([again.size, again.bytes]).toEqual([store.size, store.bytes])
    for (const one of VALUES.slice(1)) expect(again.remove(one)).toBe(true)
    expect(again.size).toBe(0)
    expect(told(again)).toEqual(told(new DecisionStore()))
    for (const one of VALUES) expect(again.put(one)).toBe('added')
  })

  it('of 50,000 decisions, through many pages, judges as before', async () => {
    const store = new DecisionStore()
    const address = (i: number) => `${(i * 7) & 255}.${(i >> 3) & 255}.${(i * 13) & 255}.${i & 255}`
    for (let i = 0; i < 50_000; i++)
      store.put(decision({ value: i % 7 === 0 ? `2001:db8::${i.toString(16)}` : address(i), id: i }))
    await writeSnapshot(path, 's', store)
    const [before, after] = [new Judge([{ store }]), new Judge([{ store: await readBack() }])]
    for (let i = 0; i < 50_000; i += 3) {
      for (const visitor of [address(i), address(i + 1_000_000)]) {
        expect(after.judge(visitor, undefined).action).toBe(before.judge(visitor, undefined).action)
      }
    }
  })

  it('lets expire what ended between the runs, by the wall clock', async () => {
    const old = new DecisionStore({ clock: () => 1_000_000 })
    old.put(decision({ value: '1.1.1.1', duration: '10s' }))
    old.put(decision({ value: '2.2.2.2', duration: '2h' }))
    await writeSnapshot(path, 's', old)
    // Another process, whose clock began later and stands at 60 s when the wall clock shows what it shows now.
    const clock = { now: 60_000 }
    const soon = new Judge([{ store: await readBack(() => clock.now) }])
    expect([soon.judge('1.1.1.1', undefined).action, soon.judge('2.2.2.2', undefined).action]).toEqual(['ban', 'ban'])
    clock.now += 11_000
    expect([soon.judge('1.1.1.1', undefined).action, soon.judge('2.2.2.2', undefined).action]).toEqual(['allow', 'ban'])
    clock.now += 7_200_000
    expect(soon.judge('2.2.2.2', undefined).action).toBe('allow')
  })

  it('is no older than the file, where the clock is behind', async () => {
    const store = new DecisionStore()
    store.put(decision({ value: '1.1.1.1', duration: '1h' }))
    await writeSnapshot(path, 's', store)
    vi.spyOn(Date, 'now').mockReturnValue(1_000_000) // 1970, before NTP has set it
    onTestFinished(() => void vi.restoreAllMocks())
    let now = 0
    const judge = new Judge([{ store: await readBack(() => now) }])
    now += 3_590_000
    expect(judge.judge('1.1.1.1', undefined).action).toBe('ban')
    now += 11_000
    expect(judge.judge('1.1.1.1', undefined).action).toBe('allow')
  })

  it('is one of two that are written at the same time', async () => {
    const [small, large] = [new DecisionStore(), new DecisionStore()]
    for (let i = 0; i < 20_000; i++) large.put(decision({ value: `10.0.${i >> 8}.${i & 255}` }))
    await Promise.all([large, small].map((store) => writeSnapshot(path, 's', store)))
    expect([0, 20_000]).toContain((await readBack()).size)
    expect(await readdir(folder)).toEqual(['decisions.snapshot'])
  })

  it('takes away what a writer that was killed has left, and nothing else', async () => {
    const uuid = randomUUID()
    const old = new Date(Date.now() - 3_601_000)
    const left = `decisions.snapshot.${uuid}.tmp`
    const others = [
      `decisions.snapshot.${randomUUID()}.tmp`, // young: somebody may be writing it
      `decisions.snapshot.list.${uuid}.tmp`,
      `decisions.snapshot.list`,
      `other.snapshot.${uuid}.tmp`,
      'decisions.snapshot.tmp',
    ]
    for (const name of [left, ...others]) await writeFile(join(folder, name), '')
    for (const name of [left, ...others.slice(1)]) await utimes(join(folder, name), old, old)
    await writeSnapshot(path, 's', new DecisionStore())
    expect((await readdir(folder)).sort()).toEqual(['decisions.snapshot', ...others].sort())
  })

  it('is readable for its owner alone and leaves no temporary file', async () => {
    await writeSnapshot(path, 's', new DecisionStore())
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['decisions.snapshot'])
  })
})

describe('what is not used', () => {
  it('there is none', async () => {
    expect(await readSnapshot(path, 's', new DecisionStore())).toBe(false)
  })

  test.each([
    ['an empty file', ''],
    ['a foreign file', 'PK\u0003\u0004 something else altogether, long enough to hold a header of ours'],
    ['a text', 'CSBSNA'],
    ['another version', `CSBSNAP\u00ff${'x'.repeat(100)}`],
  ])('%s', async (_name, content) => {
    await writeFile(path, content, 'latin1')
    await expect(readSnapshot(path, 's', new DecisionStore())).rejects.toMatchObject({ code: 'ERR_CSB_SNAPSHOT' })
  })

  it('one made under other settings', async () => {
    await writeSnapshot(path, 'LAPI one', new DecisionStore())
    await expect(readSnapshot(path, 'LAPI two', new DecisionStore())).rejects.toThrow('made under other settings')
  })

  it('one that is cut anywhere, or has any bit wrong, or something at its end', async () => {
    const store = new DecisionStore()
    for (const one of VALUES) store.put(one)
    await writeSnapshot(path, 's', store)
    const good = await readFile(path)
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom('cut', 'flip', 'append'), async (at, harm) => {
        const bad = Buffer.from(harm === 'cut' ? good.subarray(0, at) : good)
        if (harm === 'flip') bad[at] ^= 1 << (at & 7)
        await writeFile(path, harm === 'append' ? Buffer.concat([good, Buffer.from([at & 255])]) : bad)
        await expect(readSnapshot(path, 's', new DecisionStore())).rejects.toMatchObject({ code: 'ERR_CSB_SNAPSHOT' })
      }),
      { numRuns: 60 },
    )
  })
})

describe('what cannot be written', () => {
  it('keeps the former file and leaves nothing behind', async () => {
    await writeSnapshot(path, 's', new DecisionStore())
    const good = await readFile(path)
    const store = new DecisionStore()
    store.blocks = function* () {
      yield new Int32Array(10)
      throw new Error('ENOSPC: no space left on device')
    }
    await expect(writeSnapshot(path, 's', store)).rejects.toMatchObject({ code: 'ERR_CSB_SNAPSHOT' })
    expect((await readFile(path)).equals(good)).toBe(true)
    expect(await readdir(folder)).toEqual(['decisions.snapshot'])
  })

  it('a directory that does not exist', async () => {
    const missing = join(folder, 'nowhere', 'x')
    await expect(writeSnapshot(missing, 's', new DecisionStore())).rejects.toThrow(
      /snapshot_file .*nowhere.* cannot be written/,
    )
  })
})
