/** Live queries against a FakeLapi: what is asked, how often, what is remembered, and what is told of failures. */

import { describe, expect, it, onTestFinished } from 'vitest'
import { Severity } from '../../src/decisions/severity.js'
import { LapiClient, type StreamFilter } from '../../src/lapi/lapi-client.js'
import { silentLogger } from '../../src/logger.js'
import { LiveQuery, type LiveQueryOptions } from '../../src/sources/live-query.js'
import { FakeLapi, type FakeLapiOptions } from '../../src/testing/index.js'

const all: StreamFilter = { scopes: ['ip', 'range'], origins: [], scenariosContaining: [], scenariosNotContaining: [] }

async function start(options: FakeLapiOptions = {}): Promise<FakeLapi> {
  const lapi = await FakeLapi.start(options)
  onTestFinished(() => lapi.stop())
  return lapi
}

function clientOf({ url, apiKey }: FakeLapi): LapiClient {
  return new LapiClient({ apiUrl: url, apiKey, userAgent: 'test/v1' })
}

function liveOf(lapis: readonly FakeLapi[], over: Partial<LiveQueryOptions> = {}): LiveQuery {
  const live = new LiveQuery({
    clients: lapis.map(clientOf),
    filter: all,
    severity: new Severity(),
    cacheSize: 1000,
    cacheExpiration: 60_000,
    timeout: 2000,
    logger: silentLogger,
    onTrouble: () => {},
    ...over,
  })
  onTestFinished(() => live.stop())
  return live
}

const actionOf = async (live: LiveQuery, address: string, subjects?: Record<string, string>) =>
  (await live.ask(address, subjects))[0]?.action ?? 'none'

describe.each(['1.4.6', '1.7.8'] as const)('the answer of LAPI %s', (bodyShape) => {
  it.each([
    ['an address', [{ value: '192.0.2.1' }], 'ban'],
    ['its range', [{ scope: 'Range', value: '192.0.2.0/24' }], 'ban'],
    [
      'the most severe of several',
      [
        { value: '192.0.2.1', type: 'captcha' },
        { scope: 'Range', value: '192.0.2.0/24' },
      ],
      'ban',
    ],
    [
      'an unknown type after the known',
      [
        { value: '192.0.2.1', type: 'frown' },
        { value: '192.0.2.1', type: 'throttle' },
      ],
      'throttle',
    ],
    ['another address', [{ value: '192.0.2.2' }], 'none'],
    ['nothing', [], 'none'],
    ['a simulated one', [{ value: '192.0.2.1', simulated: true }], 'none'],
  ])('on %s', async (_name, decisions, action) => {
    const lapi = await start({ bodyShape })
    for (const decision of decisions) lapi.add({ duration: '1h', ...decision })
    expect(await actionOf(liveOf([lapi]), '192.0.2.1')).toBe(action)
  })

  it('is asked for with the filters of the stream', async () => {
    const lapi = await start({ bodyShape })
    lapi.add({ value: '192.0.2.1', duration: '1h', origin: 'cscli', scenario: 'ssh-bf' })
    lapi.add({ value: '192.0.2.2', duration: '1h', origin: 'CAPI', scenario: 'ssh-bf' })
    lapi.add({ value: '192.0.2.3', duration: '1h', origin: 'cscli', scenario: 'http-probing' })
    const live = liveOf([lapi], { filter: { ...all, origins: ['cscli'], scenariosNotContaining: ['http'] } })
    const actions = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => actionOf(live, address))
    expect(await Promise.all(actions)).toEqual(['ban', 'none', 'none'])
  })
})

describe('is asked', () => {
  it('once for a thousand who ask at the same time', async () => {
    const lapi = await start()
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    const live = liveOf([lapi])
    const actions = await Promise.all(Array.from({ length: 1000 }, () => actionOf(live, '192.0.2.1')))
    expect(new Set(actions)).toEqual(new Set(['ban']))
    expect(lapi.requests.map(({ url }) => url)).toEqual(['/v1/decisions?ip=192.0.2.1'])
  })

  it.each([
    ['an allowed IPv4 address', '192.0.2.9'],
    ['a banned IPv4 address', '192.0.2.1'],
    ['an IPv4 address in a banned range', '198.51.100.7'],
    ['an allowed IPv6 address', '2001:db8::9'],
    ['a banned IPv6 address', '2001:db8::1'],
    ['an IPv6 address in a banned range', '2001:db8:1::7'],
  ])('once about %s', async (_name, address) => {
    const lapi = await start()
    for (const value of ['192.0.2.1', '2001:db8::1']) lapi.add({ value, duration: '1h' })
    for (const value of ['198.51.100.0/24', '2001:db8:1::/48']) lapi.add({ scope: 'Range', value, duration: '1h' })
    const live = liveOf([lapi])
    expect(live.peek(address)).toBeUndefined()
    const first = await live.ask(address)
    expect(live.peek(address)).toBe(first)
    expect(await live.ask(address)).toBe(first)
    expect(lapi.requests.length).toBe(1)
  })

  it('again when the answer is too old', async () => {
    const lapi = await start()
    const live = liveOf([lapi], { cacheExpiration: 100 })
    expect(await actionOf(live, '192.0.2.1')).toBe('none')
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    await expect.poll(() => live.peek('192.0.2.1')).toBeUndefined()
    expect(await actionOf(live, '192.0.2.1')).toBe('ban')
  })

  it('again when the decision that it told is over', async () => {
    const lapi = await start({ bodyShape: '1.4.6' })
    lapi.add({ value: '192.0.2.1', duration: 300 })
    const live = liveOf([lapi])
    expect(await actionOf(live, '192.0.2.1')).toBe('ban')
    await expect.poll(() => live.peek('192.0.2.1')).toBeUndefined()
    expect(await actionOf(live, '192.0.2.1')).toBe('none')
  })

  it('again about addresses for which there was no room', async () => {
    const lapi = await start()
    const live = liveOf([lapi], { cacheSize: 2 })
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.1']) await live.ask(address)
    expect(lapi.requests.length).toBe(4)
    await live.ask('192.0.2.3')
    expect(lapi.requests.length).toBe(4)
  })

  it('by name about what else is known of a visitor, where the scopes say so', async () => {
    const lapi = await start()
    lapi.add({ scope: 'Country', value: 'FR', type: 'captcha', duration: '1h' })
    lapi.add({ scope: 'username', value: 'bob', duration: '1h' })
    const live = liveOf([lapi], { filter: { ...all, scopes: ['ip', 'range', 'country', 'username'] } })
    expect(await actionOf(live, '192.0.2.1', { Country: 'FR' })).toBe('captcha')
    expect(await actionOf(live, '192.0.2.2', { Country: 'FR', username: 'bob', session: 'x' })).toBe('ban')
    expect(live.peek('192.0.2.2', { Country: 'FR' })?.[0]?.action).toBe('captcha')
    expect(live.peek('192.0.2.2', { Country: 'DE' })).toBeUndefined()
    expect(live.peek('192.0.2.2')).toEqual([])
    expect(lapi.requests.map(({ url }) => url)).toEqual([
      '/v1/decisions?ip=192.0.2.1',
      '/v1/decisions?scopes=Country&value=FR',
      '/v1/decisions?ip=192.0.2.2',
      '/v1/decisions?scopes=username&value=bob',
    ])
  })

  it('not about names that are too long for a decision, which would fill the memory', async () => {
    const lapi = await start()
    const live = liveOf([lapi], { filter: { ...all, scopes: ['username'] } })
    for (const length of [4096, 4097]) {
      expect(await actionOf(live, '192.0.2.1', { username: 'x'.repeat(length) })).toBe('none')
    }
    expect(lapi.requests.map(({ query }) => query.get('value')?.length)).toEqual([4096])
  })

  it('not about names that the scopes leave out, nor about addresses that they leave out', async () => {
    const lapi = await start()
    expect(await actionOf(liveOf([lapi]), '192.0.2.1', { Country: 'FR' })).toBe('none')
    expect(lapi.requests.map(({ url }) => url)).toEqual(['/v1/decisions?ip=192.0.2.1'])
    const narrow = liveOf([lapi], { filter: { ...all, scopes: ['username'] } })
    expect(await actionOf(narrow, '192.0.2.1', {})).toBe('none')
    expect(lapi.requests.length).toBe(1)
  })
})

describe('a failure', () => {
  it.each([
    ['a status of 500', (lapi: FakeLapi) => lapi.fault({ kind: 'status', status: 500 }), 'ERR_CSB_LAPI_STATUS'],
    ['a refused key', (lapi: FakeLapi) => lapi.removeBouncer('bouncer'), 'ERR_CSB_LAPI_AUTH'],
    ['no answer', (lapi: FakeLapi) => lapi.fault({ kind: 'slow', ms: 10_000 }), 'ERR_CSB_TIMEOUT'],
    ['half an answer', (lapi: FakeLapi) => lapi.fault({ kind: 'stall', afterBytes: 2 }), 'ERR_CSB_TIMEOUT'],
    ['a broken one', (lapi: FakeLapi) => lapi.fault({ kind: 'cut', afterBytes: 2 }), 'ERR_CSB_CONNECTION_LOST'],
    ['no LAPI', (lapi: FakeLapi) => lapi.down(), 'ERR_CSB_CONNECT'],
    ['a login page', (lapi: FakeLapi) => lapi.fault({ kind: 'html' }), 'ERR_CSB_LAPI_BODY'],
    ['an object', (lapi: FakeLapi) => lapi.fault({ kind: 'garbage', body: '{}' }), 'ERR_CSB_LAPI_BODY'],
    ['nothing', (lapi: FakeLapi) => lapi.fault({ kind: 'garbage', body: '' }), 'ERR_CSB_LAPI_BODY'],
    [
      'a list of other things',
      (lapi: FakeLapi) => lapi.fault({ kind: 'garbage', body: '[1,{},null]' }),
      'ERR_CSB_LAPI_BODY',
    ],
    [
      'far too much',
      (lapi: FakeLapi) => lapi.fault({ kind: 'garbage', body: `["${'x'.repeat(2 << 20)}"]` }),
      'ERR_CSB_LAPI_BODY',
    ],
  ])('%s is told, and not remembered', async (_name, fail, code) => {
    const lapi = await start()
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    const live = liveOf([lapi], { timeout: 200 })
    await fail(lapi)
    const began = performance.now()
    await expect(live.ask('192.0.2.1')).rejects.toMatchObject({ code })
    expect(performance.now() - began).toBeLessThan(2000)
    expect(live.peek('192.0.2.1')).toBeUndefined()
    lapi.heal()
    await lapi.up()
    if (code !== 'ERR_CSB_LAPI_AUTH')
      await expect.poll(() => actionOf(live, '192.0.2.1').catch(() => 'failed')).toBe('ban')
  })

  it.each([
    ['null', 'null'],
    ['an empty list', '[]'],
    ['a decision that is over', JSON.stringify([wire({ duration: '-1s' })])],
    ['one without a duration that can be read', JSON.stringify([wire({ duration: '1 hour' })])],
    ['one on a scope that was not asked for', JSON.stringify([wire({ scope: 'Country', value: 'FR' })])],
  ])('is not: %s', async (_name, body) => {
    const lapi = await start()
    lapi.fault({ kind: 'garbage', body })
    expect(await actionOf(liveOf([lapi]), '192.0.2.1')).toBe('none')
  })

  it('is not: a decision among other things', async () => {
    const lapi = await start()
    lapi.fault({ kind: 'garbage', body: JSON.stringify([null, { type: 1 }, wire({ scope: 'ip' })]) })
    expect(await actionOf(liveOf([lapi]), '192.0.2.1')).toBe('ban')
  })

  it('is told once, however many there are', async () => {
    const lapi = await start()
    await lapi.down()
    const lines: string[] = []
    const errors: unknown[] = []
    const live = liveOf([lapi], {
      logger: { ...silentLogger, error: (line) => void lines.push(line) },
      onTrouble: (error) => void errors.push(error),
    })
    for (let i = 0; i < 50; i++) await live.ask(`192.0.2.${i}`).catch(() => {})
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_CSB_CONNECT' })])
    expect(lines).toEqual([expect.stringContaining('could not be asked')])
  })

  it('is what is left when it stops', async () => {
    const lapi = await start()
    lapi.fault({ kind: 'slow', ms: 10_000 })
    const live = liveOf([lapi])
    const asked = live.ask('192.0.2.1')
    await Promise.all([expect(asked).rejects.toMatchObject({ code: 'ERR_CSB_STATE' }), live.stop()])
    await expect(live.ask('192.0.2.1')).rejects.toThrow()
  })
})

describe('several LAPIs', () => {
  it('are all asked, and the most severe counts', async () => {
    const [one, other] = [await start(), await start()]
    one.add({ value: '192.0.2.1', type: 'captcha', duration: '1h' })
    other.add({ value: '192.0.2.1', duration: '1h' })
    expect(await actionOf(liveOf([one, other]), '192.0.2.1')).toBe('ban')
  })

  it('one fails: what the others know counts, what they do not know is not certain', async () => {
    const [one, other] = [await start(), await start()]
    one.add({ value: '192.0.2.1', duration: '1h' })
    await other.down()
    const live = liveOf([one, other])
    expect(await actionOf(live, '192.0.2.1')).toBe('ban')
    await expect(live.ask('192.0.2.2')).rejects.toMatchObject({ code: 'ERR_CSB_CONNECT' })
  })
})

function wire(over: Record<string, string>) {
  return { type: 'ban', scope: 'Ip', value: '192.0.2.1', duration: '1h', origin: 'cscli', scenario: 'test', ...over }
}
