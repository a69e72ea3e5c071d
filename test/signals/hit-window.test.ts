import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type Hit, type HitContext, LONGEST_TEXT, MOST_KEYS, MOST_TEXTS } from '../../src/signals/hits/hit-entry.js'
import { HitWindow } from '../../src/signals/hits/hit-window.js'

function contextOf(texts: Readonly<Record<string, string | undefined>>): HitContext {
  return { keys: Object.keys(texts), read: (key) => texts[key] }
}

function hit(over: Partial<Hit> = {}): Hit {
  const done = { kind: 'blocked', action: 'ban', origin: 'cscli', type: 'ban' } as const
  return { ...done, address: '1.2.3.4', scenario: 'a/x', message: '', context: null, at: undefined, ...over }
}

function windowOf(maxEntries = 100, admits: (address: string) => boolean = () => true): HitWindow {
  return new HitWindow({ maxEntries, admits })
}

describe('one entry for each address and scenario', () => {
  test.each<[string, Partial<Hit>[], [address: string, scenario: string, count: number][]]>([
    ['one hit', [{}], [['1.2.3.4', 'a/x', 1]]],
    ['the same twice', [{}, {}], [['1.2.3.4', 'a/x', 2]]],
    [
      'another scenario, and back',
      [{}, { scenario: 'a/y' }, {}],
      [
        ['1.2.3.4', 'a/x', 2],
        ['1.2.3.4', 'a/y', 1],
      ],
    ],
    [
      'of the user and of a decision',
      [{}, { kind: 'reported' }],
      [
        ['1.2.3.4', 'a/x', 1],
        ['1.2.3.4', 'a/x', 1],
      ],
    ],
    ['other spellings', [{ address: '::ffff:1.2.3.4' }, {}, { address: '::FFFF:102:304' }], [['1.2.3.4', 'a/x', 3]]],
    ['IPv6', [{ address: '2003:0::1' }, { address: '2003::1%eth0' }], [['2003::1', 'a/x', 2]]],
  ])('%s', (_, hits, expected) => {
    const window = windowOf()
    for (const over of hits) window.note(hit(over))
    const { entries, leftOut } = window.take()
    expect(entries.map(({ address, scenario, count }) => [address, scenario, count])).toEqual(expected)
    expect(leftOut).toBe(0)
    expect(window.take().entries).toEqual([])
  })

  it('knows first and last, and what was done last', () => {
    const window = windowOf()
    window.tick(1000)
    window.note(hit())
    window.tick(3000)
    window.note(hit({ at: 2000 }))
    window.note(hit({ at: 500 }))
    window.note(hit({ action: 'captcha', origin: 'crowdsec', type: 'captcha' }))
    expect(window.take().entries[0]).toMatchObject({
      first: 500, last: 3000, count: 4, action: 'captcha', origin: 'crowdsec', type: 'captcha',
    }) // biome-ignore format: one line
  })

  it('equals what plain counting says, while there is room', () => {
    const address = fc.constantFrom('1.2.3.4', '::ffff:1.2.3.4', '1.2.3.5', '2003::1', '2003:0:0::1')
    const scenario = fc.constantFrom('a/x', 'a/y', 'a/z')
    const kind = fc.constantFrom('blocked' as const, 'reported' as const)
    fc.assert(
      fc.property(fc.array(fc.record({ address, scenario, kind })), (hits) => {
        const window = windowOf()
        const counts = new Map<string, number>()
        const plain = (text: string) => text.replace('::ffff:', '').replace('2003:0:0::1', '2003::1')
        for (const one of hits) {
          window.note(hit(one))
          const key = `${plain(one.address)} ${one.scenario} ${one.kind}`
          counts.set(key, (counts.get(key) ?? 0) + 1)
        }
        const { entries } = window.take()
        expect(entries.map((one) => [`${one.address} ${one.scenario} ${one.kind}`, one.count])).toEqual([...counts])
      }),
    )
  })
})

describe('bounds', () => {
  it('more than fits is counted: addresses, and scenarios of one address', () => {
    const window = windowOf(3)
    for (const address of ['1.2.3.1', '1.2.3.2', '1.2.3.3', '1.2.3.4', '1.2.3.1', '1.2.3.5'])
      window.note(hit({ address }))
    window.note(hit({ address: '1.2.3.1', scenario: 'a/y' }))
    const { entries, leftOut } = window.take()
    expect(entries.map(({ count }) => count)).toEqual([2, 1, 1])
    expect(leftOut).toBe(3)
    window.note(hit({ address: '1.2.3.5' }))
    expect(window.take()).toMatchObject({ entries: [{ address: '1.2.3.5' }], leftOut: 0 })
  })

  it('whoever is not admitted has no entry and is asked about again', () => {
    const asked: string[] = []
    const window = windowOf(3, (address) => {
      asked.push(address)
      return address !== '10.0.0.1'
    })
    for (const address of ['10.0.0.1', '1.2.3.4', '10.0.0.1', '1.2.3.4']) window.note(hit({ address }))
    expect(window.take()).toMatchObject({ entries: [{ address: '1.2.3.4', count: 2 }], leftOut: 0 })
    expect(asked).toEqual(['10.0.0.1', '1.2.3.4', '10.0.0.1'])
  })

  it('of the ways to write one address so many are remembered, and none that is long', () => {
    const asked: string[] = []
    const window = windowOf(3, (address) => asked.push(address) > 0)
    const note = (zones: readonly string[]) => {
      asked.length = 0
      for (const zone of zones) window.note(hit({ address: `2003::1%${zone}` }))
      return asked.length
    }
    const long = 'z'.repeat(100)
    expect([note([long]), note([long])]).toEqual([1, 1])
    const zones = Array.from({ length: 10 }, (_, index) => `eth${index}`)
    expect([note(zones), note(zones)]).toEqual([10, 5])
    expect(window.take().entries).toMatchObject([{ address: '2003::1', count: 22 }])
  })

  it('of each key a few distinct texts, cut, and none that is empty or missing', () => {
    const window = windowOf()
    const long = 'x'.repeat(5000)
    for (let i = 0; i < 20; i++) {
      const texts = { method: 'GET', path: `/${i % 7}`, user_agent: `${long}${i}`, status: '', host: undefined }
      window.note(hit({ context: contextOf(texts) }))
    }
    expect(window.take().entries[0].context).toEqual([
      { key: 'method', texts: ['GET'] },
      { key: 'path', texts: ['/0', '/1', '/2', '/3', '/4'] },
      { key: 'user_agent', texts: ['x'.repeat(LONGEST_TEXT)] },
    ])
    expect(MOST_TEXTS).toBe(5)
  })

  it('a long text is not taken for a short one that it begins with', () => {
    const window = windowOf()
    const long = `bot${'x'.repeat(LONGEST_TEXT)}`
    for (const user_agent of ['bot', long, `${long}y`]) window.note(hit({ context: contextOf({ user_agent }) }))
    expect(window.take().entries[0].context).toEqual([
      { key: 'user_agent', texts: ['bot', long.slice(0, LONGEST_TEXT)] },
    ])
  })

  it('of one signal a few keys, in any order', () => {
    const window = windowOf()
    const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`)
    window.note(hit({ context: contextOf(Object.fromEntries(keys.map((key) => [key, '1']))) }))
    window.note(hit({ context: contextOf({ 'key 3': '2', 'key 1': '1', 'key 50': '9' }) }))
    const { context } = window.take().entries[0]
    expect(context).toHaveLength(MOST_KEYS)
    expect(context[3]).toEqual({ key: 'key 3', texts: ['1', '2'] })
    expect(context[1]).toEqual({ key: 'key 1', texts: ['1'] })
  })

  test.each([
    ['a character of two units at the cut', `${'x'.repeat(LONGEST_TEXT - 1)}\u{1f600}`, 'x'.repeat(LONGEST_TEXT - 1)],
    ['one that just fits', `${'x'.repeat(LONGEST_TEXT - 2)}\u{1f600}y`, `${'x'.repeat(LONGEST_TEXT - 2)}\u{1f600}`],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
    ['a zero', 'a\0b', 'a\ufffdb'],
    ['Latin-1', 'caf\xe9', 'caf\xe9'],
  ])('texts stay texts: %s', (_, text, expected) => {
    const window = windowOf()
    window.note(hit({ context: contextOf({ user_agent: text }) }))
    expect(window.take().entries[0].context[0].texts).toEqual([expected])
  })
})
