import { beforeEach, describe, expect, it, test } from 'vitest'
import { DecisionStore } from '../../src/decisions/decision-store.js'
import { Judge } from '../../src/decisions/judge.js'
import type { WireDecision } from '../../src/decisions/wire-decision.js'

function decision(over: Partial<WireDecision> = {}): WireDecision {
  return { id: 1, origin: 'cscli', type: 'ban', scope: 'Ip', value: '1.2.3.4', duration: '4h', scenario: 's', ...over }
}

let now = 0
let store: DecisionStore
let judge: Judge

beforeEach(() => {
  now = 1_000_000
  store = new DecisionStore({ clock: () => now })
  judge = new Judge([{ store }])
})

function action(address: string, subjects?: Record<string, string>): string {
  return judge.judge(address, subjects).action
}

describe('what is refused', () => {
  test.each([
    ['a missing value', { value: undefined }, 'missing_field'],
    ['a value that is a number', { value: 7 }, 'missing_field'],
    ['an empty type', { type: '' }, 'missing_field'],
    ['a missing scope', { scope: undefined }, 'missing_field'],
    ['a missing duration', { duration: null }, 'missing_field'],
    ['a duration without unit', { duration: '3600' }, 'bad_duration'],
    ['a duration in days', { duration: '1d' }, 'bad_duration'],
    ['an address with a port', { value: '1.2.3.4:80' }, 'bad_value'],
    ['an address in brackets', { value: '[::1]' }, 'bad_value'],
    ['leading zeros', { value: '1.2.3.004' }, 'bad_value'],
    ['spaces', { value: ' 1.2.3.4' }, 'bad_value'],
    ['a CIDR /33', { scope: 'Range', value: '1.2.3.0/33' }, 'bad_value'],
    ['a range upside down', { scope: 'Range', value: '1.2.3.9-1.2.3.4' }, 'bad_value'],
    ['a value of 10 kB', { scope: 'username', value: 'x'.repeat(10_240) }, 'too_long'],
    ['a duration of zero', { duration: '0s' }, 'over'],
    ['a negative duration', { duration: '-5m26.5s' }, 'over'],
  ])('%s', (_name, over, reason) => {
    expect(store.put(decision(over as Partial<WireDecision>))).toBe(reason)
    expect(store.size).toBe(0)
  })

  it('what a user writes in JavaScript may hold anything', () => {
    expect(store.put({ ...decision(), origin: undefined, scenario: undefined } as unknown as WireDecision)).toBe(
      'added',
    )
    expect(judge.judge('1.2.3.4', undefined).decision).toMatchObject({ origin: '', scenario: '' })
  })
})

describe('values', () => {
  test.each([
    ['1.2.3.4', 'Ip', '1.2.3.4', 'Ip'],
    ['1.2.3.4/32', 'Ip', '1.2.3.4', 'Ip'],
    ['102.4.0.0/16', 'ip', '102.4.9.9', 'Ip'],
    ['203.0.113.77/28', 'Range', '203.0.113.65', 'Range'],
    ['0.0.0.0/0', 'RANGE', '8.8.8.8', 'Range'],
    ['192.0.2.10-192.0.2.20', 'Range', '192.0.2.19', 'Range'],
    ['2001:DB8:0:0:0:0:0:2', 'Ip', '2001:db8::2', 'Ip'],
    ['2001:db8:1::/48', 'Range', '2001:db8:1:ffff::1%eth0', 'Range'],
    ['::ffff:5.6.7.8', 'Ip', '5.6.7.8', 'Ip'],
    ['5.6.7.8', 'Ip', '::FFFF:0506:0708', 'Ip'],
  ])('%s under scope %s bans %s, and is told as received', (value, scope, visitor, toldScope) => {
    expect(store.put(decision({ value, scope }))).toBe('added')
    expect(action(visitor)).toBe('ban')
    expect(judge.judge(visitor, undefined).decision).toMatchObject({ value, scope: toldScope })
    expect(store.size).toBe(1)
    expect(store.remove(decision({ value, scope }))).toBe(true)
    expect(action(visitor)).toBe('allow')
    expect(store.size).toBe(0)
  })

  it('keeps values apart that the LAPI keeps apart: 1.2.3.4 and 1.2.3.4/32', () => {
    store.put(decision({ value: '1.2.3.4' }))
    store.put(decision({ value: '1.2.3.4/32' }))
    store.remove(decision({ value: '1.2.3.4' }))
    expect(action('1.2.3.4')).toBe('ban')
  })

  it('holds Country, AS and custom scopes as exact text', () => {
    store.put(decision({ scope: 'country', value: 'FR', type: 'captcha' }))
    store.put(decision({ scope: 'AS', value: '64500' }))
    store.put(decision({ scope: 'username', value: 'bob' }))
    expect(action('9.9.9.9')).toBe('allow')
    expect(action('9.9.9.9', { Country: 'FR' })).toBe('captcha')
    expect(action('9.9.9.9', { country: 'fr' })).toBe('allow')
    expect(action('9.9.9.9', { Country: 'FR', AS: '64500' })).toBe('ban')
    expect(action('9.9.9.9', { Username: 'bob' })).toBe('allow')
    expect(action('9.9.9.9', { username: 'bob' })).toBe('ban')
    expect(judge.explain('9.9.9.9', { Country: 'FR', AS: '64500' }).map(({ scope }) => scope)).toEqual([
      'AS',
      'Country',
    ])
  })
})

describe('what wins', () => {
  it('the most severe, not the longest prefix', () => {
    store.put(decision({ scope: 'Range', value: '10.0.0.0/8', type: 'ban' }))
    store.put(decision({ value: '10.1.2.3', type: 'captcha' }))
    expect(action('10.1.2.3')).toBe('ban')
    store.remove(decision({ scope: 'Range', value: '10.0.0.0/8', type: 'ban' }))
    expect(action('10.1.2.3')).toBe('captcha')
  })

  it('a short ban over a longer captcha, and the captcha when the ban is over', () => {
    store.put(decision({ type: 'captcha', duration: '10h' }))
    store.put(decision({ type: 'ban', duration: '1h' }))
    expect(action('1.2.3.4')).toBe('ban')
    now += 3_600_000
    expect(action('1.2.3.4')).toBe('captcha')
  })

  it('an address under nested ranges of every severity', () => {
    const types = ['a', 'b', 'throttle', 'captcha', 'ban', 'c', 'd', 'e']
    types.forEach((type, i) => void store.put(decision({ scope: 'Range', value: `10.0.0.0/${8 + i}`, type })))
    expect(action('10.0.0.1')).toBe('ban')
    expect(judge.explain('10.0.0.1', undefined).map(({ type }) => type)).toEqual([
      'ban', 'captcha', 'throttle', 'e', 'd', 'c', 'b', 'a',
    ]) // biome-ignore format: one line
  })
})

describe('renewal', () => {
  it('overwrites expiry, id, origin and scenario, be it longer or shorter', () => {
    store.put(decision({ duration: '4h' }))
    expect(store.put(decision({ id: 2, origin: 'CAPI', scenario: 'other', duration: '1h' }))).toBe('renewed')
    expect(judge.judge('1.2.3.4', undefined).decision).toMatchObject({ id: 2, origin: 'CAPI', scenario: 'other' })
    expect([...store.labels.counts()]).toEqual([{ type: 'ban', origin: 'CAPI', family: 'ipv4', count: 1 }])
    now += 3_600_000
    expect(action('1.2.3.4')).toBe('allow')
  })

  it('a renewal that says zero ends it', () => {
    store.put(decision())
    expect(store.put(decision({ duration: '0s' }))).toBe('over')
    expect(store.size).toBe(0)
  })
})

describe('identity by id', () => {
  beforeEach(() => {
    store = new DecisionStore({ clock: () => now, identity: 'id' })
    judge = new Judge([{ store }])
  })

  test.each([
    [1, 2],
    ['9007199254740993', '9007199254740992'],
    ['18446744073709551615', 1],
  ])('ids %s and %s are two decisions', (one, other) => {
    store.put(decision({ id: one }))
    store.put(decision({ id: other }))
    expect(store.size).toBe(2)
    store.remove(decision({ id: one }))
    expect(judge.judge('1.2.3.4', undefined).decision?.id).toBe(other)
  })

  it('a refresh of lists replaces the rows of their origin and value that it does not bring itself', () => {
    const ids = () =>
      judge
        .explain('1.2.3.4', undefined)
        .map(({ id }) => id)
        .sort()
    store.put(decision({ id: 1, origin: 'lists', scenario: 'firehol' }))
    store.put(decision({ id: 2, origin: 'lists', scenario: 'tor' }))
    store.put(decision({ id: 3, origin: 'CAPI' }))
    expect(ids()).toEqual([1, 2, 3])
    store.beginChange()
    store.put(decision({ id: 4, origin: 'lists', scenario: 'firehol' }))
    store.put(decision({ id: 5, origin: 'lists', scenario: 'tor' }))
    store.endChange()
    expect(ids()).toEqual([3, 4, 5])
  })
})

describe('identity by list', () => {
  const held = () =>
    judge
      .explain('1.2.3.4', undefined)
      .map(({ origin, scenario }) => `${origin}:${scenario}`)
      .sort()

  beforeEach(() => {
    store = new DecisionStore({ clock: () => now, identity: 'list' })
    judge = new Judge([{ store }])
    store.put(decision({ origin: 'CAPI', scenario: 'ssh-bf' }))
    store.put(decision({ origin: 'lists', scenario: 'tor' }))
    store.put(decision({ origin: 'lists', scenario: 'firehol' }))
  })

  it('tells origins apart, and lists by their name, but not the scenarios of other origins', () => {
    expect(store.put(decision({ origin: 'CAPI', scenario: 'http-bf' }))).toBe('renewed')
    expect(store.put(decision({ origin: 'lists', scenario: 'tor' }))).toBe('renewed')
    expect(held()).toEqual(['CAPI:http-bf', 'lists:firehol', 'lists:tor'])
    expect(store.remove(decision({ origin: 'lists', scenario: 'none' }))).toBe(false)
    expect(store.remove(decision({ origin: 'lists', scenario: 'tor' }))).toBe(true)
    expect(store.remove(decision({ origin: 'CAPI', scenario: '' }))).toBe(true)
    expect(held()).toEqual(['lists:firehol'])
  })

  it('takes a list whose name is cut for the same list', () => {
    const scenario = 'x'.repeat(2000)
    expect(store.put(decision({ origin: 'lists', scenario }))).toBe('added')
    expect(store.put(decision({ origin: 'lists', scenario }))).toBe('renewed')
  })
})

describe('a change', () => {
  it('never takes away with `deleted` what it brought as `new`, whichever comes first', () => {
    store.put(decision({ value: '5.5.5.5' }))
    store.beginChange()
    store.put(decision({ id: 7 }))
    expect(store.remove(decision())).toBe(false)
    expect(store.remove(decision({ value: '5.5.5.5' }))).toBe(true)
    store.endChange()
    expect(action('1.2.3.4')).toBe('ban')
    expect(store.remove(decision())).toBe(true)
  })
})

describe('limits', () => {
  it('says so when full, and corrupts nothing', () => {
    store = new DecisionStore({ clock: () => now, limit: 3 })
    judge = new Judge([{ store }])
    const results = [1, 2, 3, 4, 5].map((i) => store.put(decision({ value: `10.0.0.${i}`, id: i })))
    expect(results).toEqual(['added', 'added', 'added', 'limit', 'limit'])
    expect(store.put(decision({ value: '10.0.0.2', scenario: 'renewed' }))).toBe('renewed')
    expect(action('10.0.0.3')).toBe('ban')
    expect(action('10.0.0.4')).toBe('allow')
    store.remove(decision({ value: '10.0.0.1' }))
    expect(store.put(decision({ value: '10.0.0.4' }))).toBe('added')
  })

  it('70,000 scenarios, and a name of 1 MB, are kept and let go', () => {
    for (let i = 0; i < 70_000; i++)
      store.put(decision({ value: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, scenario: `s${i}` }))
    expect(store.labels.scenarios.size).toBe(70_000)
    expect(judge.judge('10.1.17.111', undefined).decision?.scenario).toBe('s69999')
    store.put(decision({ scenario: 'x'.repeat(1_000_000) }))
    expect(judge.judge('1.2.3.4', undefined).decision?.scenario).toHaveLength(1024)
    now += 5 * 3_600_000
    store.sweep(0, store.rows.end)
    expect([store.size, store.labels.scenarios.size, store.labels.types.size, store.labels.origins.size]).toEqual([
      0, 0, 0, 0,
    ])
  })
})
