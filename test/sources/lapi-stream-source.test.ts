/** What the source makes of a LAPI that works: when it asks for everything and when for changes, and how those are merged. */

import { describe, expect, it, vi } from 'vitest'
import type { BodyShape } from '../../src/testing/index.js'
import { steppedLapi } from './stepped-lapi.js'

const shapes: readonly BodyShape[] = ['1.4.6', '1.7.8']

describe.each(shapes)('on LAPI %s', (bodyShape) => {
  it('asks for everything until it had it once, then for changes', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    lapi.fault({ kind: 'status', status: 500 }, { times: 1 })
    lapi.fault({ kind: 'cut', afterBytes: 40 }, { times: 1 })
    expect(await stepped.pull()).toBe('startup: ERR_CSB_LAPI_STATUS')
    expect(await stepped.pull()).toBe('startup: ERR_CSB_CONNECTION_LOST')
    expect(stepped.bouncer.isReady()).toBe(false)
    expect(await stepped.pull()).toBe('startup: replaced')
    expect(stepped.bouncer.isReady()).toBe(true)
    expect(stepped.actions('1.2.3.4', '1.2.3.5')).toBe('ban allow')
    lapi.add({ value: '1.2.3.5', duration: '4h' })
    expect(await stepped.pull()).toBe('delta: changed')
    expect(await stepped.pull()).toBe('delta: changed')
    expect(stepped.actions('1.2.3.4', '1.2.3.5')).toBe('ban ban')
  })

  it('sends scopes in the plural, the key, and a User-Agent with one slash', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape }, { filter: { scopes: ['ip', 'country'] } })
    lapi.add({ value: 'FR', scope: 'Country', duration: '4h' })
    await stepped.pull()
    const [request] = lapi.requests
    expect(request?.path).toBe('/v1/decisions/stream')
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ startup: 'true', scopes: 'ip,country' })
    expect(request?.headers['user-agent']).toMatch(/^crowdsec-nodejs-bouncer\/v\d+\.\d+\.\d+$/)
    expect(request?.headers['x-api-key']).toBe(lapi.apiKey)
    expect(stepped.bouncer.check('1.2.3.4', { country: 'FR' }).action).toBe('ban')
  })

  it('lets deleted count before new: a ban that became a captcha', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    await stepped.pull()
    lapi.delete({ value: '1.2.3.4' })
    lapi.add({ value: '1.2.3.4', duration: '4h', type: 'captcha' })
    await stepped.pull()
    expect(stepped.bouncer.explain('1.2.3.4').map(({ type }) => type)).toEqual(['captcha'])
  })

  it('takes a renewal as it comes: expiry, origin, scenario and id', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    lapi.add({ value: '1.2.3.4', duration: '1h', origin: 'crowdsec', scenario: 'ssh-bf' })
    await stepped.pull()
    const id = lapi.add({ value: '1.2.3.4', duration: '5h', origin: 'CAPI', scenario: 'http-probing' })
    await stepped.pull()
    const [decision, ...more] = stepped.bouncer.explain('1.2.3.4')
    expect(more).toEqual([])
    expect(decision).toMatchObject({ id, origin: 'CAPI', scenario: 'http-probing' })
    const hours = (Date.parse(decision?.until ?? '') - Date.now()) / 3_600_000
    expect(hours).toBeCloseTo(5, 1)
    lapi.purge({})
    lapi.add({ value: '1.2.3.4', duration: '30m', origin: 'CAPI' })
    await stepped.pull()
    const minutes = (Date.parse(stepped.bouncer.explain('1.2.3.4')[0]?.until ?? '') - Date.now()) / 60_000
    expect(minutes).toBeCloseTo(30, 1)
  })

  it('lifts by value when the LAPI deletes under an id that it never sent', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    const hidden = lapi.add({ value: '1.2.3.4', duration: '1h' })
    const longest = lapi.add({ value: '1.2.3.4', duration: '2h' })
    await stepped.pull()
    lapi.delete({ id: longest })
    await stepped.pull()
    expect(stepped.actions('1.2.3.4')).toBe('ban')
    lapi.delete({ id: hidden })
    await stepped.pull()
    expect(stepped.actions('1.2.3.4')).toBe('allow')
  })

  it('pulls everything again when the resync interval is over, and so finds what vanished without a word', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape }, { resyncInterval: 300 })
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    lapi.add({ value: '1.2.3.5', duration: '4h' })
    await stepped.pull()
    lapi.purge({ value: '1.2.3.5' })
    expect(await stepped.pull()).toBe('delta: changed')
    expect(stepped.actions('1.2.3.4', '1.2.3.5')).toBe('ban ban')
    await vi.waitFor(async () => expect(await stepped.pull()).toBe('startup: replaced'))
    expect(stepped.actions('1.2.3.4', '1.2.3.5')).toBe('ban allow')
    expect(await stepped.pull()).toBe('delta: changed')
  })

  it('lets decisions expire by itself while the LAPI is down, whatever becomes of the wall clock', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const { lapi, stepped } = await steppedLapi({ bodyShape })
      lapi.add({ value: '1.2.3.4', duration: '1100ms' })
      lapi.add({ value: '1.2.3.5', duration: '4h' })
      await stepped.pull()
      await lapi.down()
      expect(await stepped.pull()).toBe('no request: ERR_CSB_CONNECT')
      vi.setSystemTime(Date.now() + 366 * 24 * 3_600_000)
      expect(stepped.actions('1.2.3.4', '1.2.3.5')).toBe('ban ban')
      vi.setSystemTime(Date.now() - 732 * 24 * 3_600_000)
      expect(stepped.actions('1.2.3.4', '1.2.3.5')).toBe('ban ban')
      await vi.waitFor(() => expect(stepped.actions('1.2.3.4', '1.2.3.5')).toBe('allow ban'), { timeout: 3000 })
    } finally {
      vi.useRealTimers()
    }
  })

  it('skips what it cannot read, says so once, and takes the rest', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    lapi.add({ value: 'not-an-address', duration: '4h' })
    lapi.add({ value: '10.0.0.0/40', scope: 'Range', duration: '4h' })
    lapi.add({ value: '1.2.3.5', duration: '4h', type: '' })
    lapi.add({ value: '1.2.3.6', duration: '4h' })
    await stepped.pull()
    lapi.fault({ kind: 'status', status: 403 }, { times: 1 })
    await stepped.resync()
    expect(stepped.actions('1.2.3.4', '1.2.3.5', '1.2.3.6')).toBe('ban allow ban')
    expect(stepped.bouncer.stats().sources[0]?.skipped).toEqual({ bad_value: 4, missing_field: 2 })
    expect(stepped.lines.filter((line) => line.includes('not-an-address'))).toHaveLength(1)
    expect(stepped.lines.filter((line) => line.includes('is skipped'))).toHaveLength(3)
  })

  it('lets everyone else have a turn while 100,000 decisions come and go', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    await stepped.pull()
    const address = (index: number) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
    lapi.bulk(100_000, (index) => ({ value: address(index), duration: '4h' }))
    const seen = new Set<string>()
    const visitor = setInterval(() => seen.add(`${stepped.actions('1.2.3.4')} ${stepped.bouncer.stats().decisions}`), 1)
    expect(await stepped.pull()).toBe('delta: changed')
    clearInterval(visitor)
    expect(stepped.bouncer.stats().decisions).toBe(100_001)
    expect(seen.size).toBeGreaterThan(10)
    expect([...seen].every((entry) => entry.startsWith('ban '))).toBe(true)
    lapi.delete({})
    expect(await stepped.pull()).toBe('delta: changed')
    expect(stepped.bouncer.stats().decisions).toBe(0)
  })
})

describe.each(shapes)('with filters, on LAPI %s', (bodyShape) => {
  it('switches the removal of duplicates off and goes by id', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape }, { filter: { origins: ['cscli', 'crowdsec'] } })
    lapi.add({ value: '1.2.3.4', duration: '9h', origin: 'CAPI' })
    const first = lapi.add({ value: '1.2.3.4', duration: '1h' })
    const second = lapi.add({ value: '1.2.3.4', duration: '2h', origin: 'crowdsec' })
    await stepped.pull()
    expect(Object.fromEntries(lapi.requests[0]?.query ?? [])).toEqual({
      startup: 'true',
      scopes: 'ip,range',
      origins: 'cscli,crowdsec',
      dedup: 'false',
    })
    expect(stepped.bouncer.explain('1.2.3.4').map(({ id }) => id)).toEqual(expect.arrayContaining([first, second]))
    lapi.delete({ id: second })
    await stepped.pull()
    expect(stepped.bouncer.explain('1.2.3.4').map(({ id }) => id)).toEqual([first])
    lapi.delete({ id: first })
    await stepped.pull()
    expect(stepped.actions('1.2.3.4')).toBe('allow')
  })

  it.each([
    ['scenarios_containing', { scenariosContaining: ['ssh', 'ftp'] }, 'ssh,ftp', 'allow ban'],
    ['scenarios_not_containing', { scenariosNotContaining: ['ssh'] }, 'ssh', 'ban allow'],
  ] as const)('%s', async (parameter, filter, sent, actions) => {
    const { lapi, stepped } = await steppedLapi({ bodyShape }, { filter })
    lapi.add({ value: '1.2.3.4', duration: '4h', scenario: 'http-probing' })
    lapi.add({ value: '1.2.3.5', duration: '4h', scenario: 'ssh-bf' })
    await stepped.pull()
    expect(lapi.requests[0]?.query.get(parameter)).toBe(sent)
    expect(lapi.requests[0]?.query.get('dedup')).toBe('false')
    expect(stepped.actions('1.2.3.4', '1.2.3.5')).toBe(actions)
  })

  it.each(['CAPI', 'lists'])('forgets rows of %s that a refresh replaced without saying so', async (origin) => {
    const { lapi, stepped } = await steppedLapi({ bodyShape }, { filter: { origins: [origin] } })
    const listed = { value: '1.2.3.4', duration: '24h', origin, scenario: 'a list' }
    lapi.add(listed)
    await stepped.pull()
    lapi.purge({ value: '1.2.3.4', origin })
    const renewed = lapi.add(listed)
    await stepped.pull()
    expect(stepped.bouncer.explain('1.2.3.4').map(({ id }) => id)).toEqual([renewed])
    lapi.delete({ id: renewed })
    await stepped.pull()
    expect(stepped.actions('1.2.3.4')).toBe('allow')
  })
})

describe('what only a scripted answer shows', () => {
  const wire = (id: number, value: string) => ({
    id,
    origin: 'cscli',
    type: 'ban',
    scope: 'Ip',
    value,
    duration: '4h',
    scenario: 'manual',
  })

  it.each([
    ['new first', ['new', 'deleted'], 1],
    ['deleted first', ['deleted', 'new'], 1],
    ['new first, long before deleted', ['new', 'deleted'], 5000],
    ['deleted first, long before new', ['deleted', 'new'], 5000],
  ] as const)('an item in both lists stays in force: %s', async (_name, keys, others) => {
    const { lapi, stepped } = await steppedLapi()
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    await stepped.pull()
    const filler = Array.from({ length: others }, (_, i) => wire(i + 10, `10.0.${i >> 8}.${i & 255}`))
    const lists = {
      new: [wire(2, '1.2.3.4'), wire(3, '1.2.3.5'), ...filler],
      deleted: [wire(4, '192.0.2.1'), ...filler, wire(3, '1.2.3.5'), wire(1, '1.2.3.4')],
    }
    const body = JSON.stringify(Object.fromEntries(keys.map((key) => [key, lists[key]])))
    lapi.fault({ kind: 'garbage', body }, { times: 1 })
    expect(await stepped.pull()).toBe('delta: changed')
    expect(stepped.actions('1.2.3.4', '1.2.3.5', '10.0.0.0')).toBe('ban ban ban')
    expect(stepped.bouncer.stats().decisions).toBe(others + 2)
  })

  it('a decision sent twice by overlapping pulls is no reason to pull everything', async () => {
    const { lapi, stepped } = await steppedLapi()
    lapi.bulk(10, (index) => ({ value: `10.0.0.${index}`, duration: '4h' }))
    await stepped.pull()
    lapi.fault(
      { kind: 'garbage', body: JSON.stringify({ new: [wire(9, '10.0.0.8'), wire(10, '10.0.0.9')] }) },
      { times: 1 },
    )
    expect(await stepped.pull()).toBe('delta: changed')
    expect(await stepped.pull()).toBe('delta: changed')
  })

  it('an id of 64 bits is kept to the digit', async () => {
    const { lapi, stepped } = await steppedLapi()
    const body = `{"new": [${JSON.stringify(wire(7, '1.2.3.4')).replace('"id":7', '"id":9223372036854775807')}], "deleted": []}`
    lapi.fault({ kind: 'garbage', body }, { times: 1 })
    await stepped.pull()
    expect(stepped.bouncer.explain('1.2.3.4')[0]?.id).toBe('9223372036854775807')
  })
})
