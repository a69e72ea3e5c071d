/** The modes of a bouncer, each against FakeLapis: what the LAPI is asked, what holds when it fails, and what is counted. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Bouncer, type BouncerOptions, createBouncer, type Verdict } from '../src/index.js'
import { FakeLapi, type FakeLapiOptions } from '../src/testing/index.js'

async function startLapi(options: FakeLapiOptions = {}): Promise<FakeLapi> {
  const lapi = await FakeLapi.start(options)
  onTestFinished(() => lapi.stop())
  return lapi
}

async function startBouncer(lapi: FakeLapi | null, options: BouncerOptions): Promise<Bouncer> {
  const where = lapi === null ? {} : { apiUrl: lapi.url, apiKey: lapi.apiKey }
  const bouncer = createBouncer({ ...where, usageMetricsInterval: 0, startTimeout: 2000, ...options })
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  return bouncer
}

/** Questions about single addresses. */
const questions = (lapi: FakeLapi) => lapi.requests.filter(({ path }) => path === '/v1/decisions').map(({ url }) => url)
const actionOf = async (verdict: Verdict | Promise<Verdict>) => (await verdict).action

async function failures(bouncer: Bouncer): Promise<Record<string, number>> {
  const metric = await bouncer.registry.getSingleMetric('crowdsec_bouncer_failed_verdicts_total')?.get()
  return Object.fromEntries((metric?.values ?? []).map(({ labels, value }) => [labels['cause'], value]))
}

describe('stream', () => {
  it('asks nothing about an address and answers at once', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    const bouncer = await startBouncer(lapi, {})
    expect(bouncer.ask('192.0.2.1')).toMatchObject({ action: 'ban' })
    expect(bouncer.ask('192.0.2.2')).toMatchObject({ action: 'allow' })
    expect(questions(lapi)).toEqual([])
  })
})

describe('live', () => {
  it('asks once about an address, then answers at once', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '2001:db8::/32', scope: 'Range', duration: '1h' })
    const bouncer = await startBouncer(lapi, { mode: 'live', cacheExpiration: '1m' })
    expect(await actionOf(bouncer.ask('2001:DB8:0::1%eth0'))).toBe('ban')
    expect(bouncer.ask('2001:db8::1')).toMatchObject({ action: 'ban', decision: { value: '2001:db8::/32' } })
    expect(await actionOf(bouncer.ask('::ffff:192.0.2.1'))).toBe('allow')
    expect(bouncer.ask('192.0.2.1')).toMatchObject({ action: 'allow' })
    expect(questions(lapi)).toEqual(['/v1/decisions?ip=2001%3Adb8%3A%3A1', '/v1/decisions?ip=192.0.2.1'])
    expect(lapi.requests.length).toBe(2)
    expect(bouncer.stats().requests).toEqual({ allowed: 2, remediated: 2, invalid: 0 })
  })

  it('asks once for a thousand first requests', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    const bouncer = await startBouncer(lapi, { mode: 'live', lapiTimeout: '2s' })
    const actions = await Promise.all(Array.from({ length: 1000 }, () => actionOf(bouncer.ask('192.0.2.1'))))
    expect(actions).toEqual(Array.from({ length: 1000 }, () => 'ban'))
    expect(questions(lapi).length).toBe(1)
  })

  it('asks nothing about the allowlist and about what is no address', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    const bouncer = await startBouncer(lapi, { mode: 'live', allowlist: ['192.0.2.0/28'] })
    expect(bouncer.ask('192.0.2.1')).toMatchObject({ action: 'allow' })
    expect(bouncer.ask('192.0.2.1:80')).toMatchObject({ action: 'allow' })
    expect(lapi.requests.length).toBe(0)
  })

  it('lets the overrides choose among all that the LAPI knows', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '192.0.2.1', duration: '1h', scenario: 'noise' })
    lapi.add({ value: '192.0.2.1', duration: '1h', scenario: 'real', type: 'captcha' })
    const bouncer = await startBouncer(lapi, { mode: 'live', scenarioActions: { noise: 'allow' } })
    expect(await actionOf(bouncer.ask('192.0.2.1'))).toBe('captcha')
  })

  it.each([
    [undefined, 'allow'],
    ['ban', 'ban'],
    ['captcha', 'captcha'],
  ] as const)('a question that fails gets %s, and is counted', async (lapiFailureAction, action) => {
    const lapi = await startLapi()
    const bouncer = await startBouncer(lapi, { mode: 'live', ...(lapiFailureAction ? { lapiFailureAction } : {}) })
    const faults = [
      { kind: 'status', status: 500 },
      { kind: 'slow', ms: 10_000 },
      { kind: 'garbage', body: 'no' },
      { kind: 'down' },
    ] as const
    for (const fault of faults) {
      lapi.fault(fault)
      expect(await actionOf(bouncer.ask('192.0.2.1'))).toBe(action)
      lapi.heal()
    }
    expect(await failures(bouncer)).toEqual({ live_failed: faults.length })
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    expect(await actionOf(bouncer.ask('192.0.2.1'))).toBe('ban')
  })

  it('goes by the policy after stop()', async () => {
    const lapi = await startLapi()
    const bouncer = await startBouncer(lapi, { mode: 'live', lapiFailureAction: 'ban' })
    await bouncer.stop()
    expect(await actionOf(bouncer.ask('192.0.2.1'))).toBe('ban')
  })
})

describe('a LAPI at a unix socket', () => {
  it.each(['stream', 'live'] as const)('serves mode %s, also after a restart', async (mode) => {
    const folder = mkdtempSync(join(tmpdir(), 'lapi-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const lapi = await startLapi({ socketPath: join(folder, 'lapi.sock') })
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    const bouncer = await startBouncer(lapi, { mode, streamUpdateFrequency: 100 })
    expect(await actionOf(bouncer.ask('192.0.2.1'))).toBe('ban')
    await lapi.down()
    await lapi.up()
    lapi.add({ value: '192.0.2.2', duration: '1h' })
    await expect.poll(() => actionOf(bouncer.ask('192.0.2.2')), { timeout: 5000 }).toBe('ban')
  })
})

describe('hybrid', () => {
  it('asks about what the stream has not told', async () => {
    const lapi = await startLapi({ apiKeys: { stream: 'k', live: 'l' } })
    lapi.add({ value: '192.0.2.1', duration: '1h', type: 'captcha' })
    const bouncer = await startBouncer(lapi, { mode: 'hybrid', liveApiKey: 'l', streamUpdateFrequency: '1h' })
    lapi.add({ value: '192.0.2.2', duration: '1h' })
    expect(bouncer.ask('192.0.2.1')).toMatchObject({ action: 'captcha' })
    expect(await actionOf(bouncer.ask('192.0.2.2'))).toBe('ban')
    expect(await actionOf(bouncer.ask('192.0.2.3'))).toBe('allow')
    expect(questions(lapi)).toEqual(['/v1/decisions?ip=192.0.2.2', '/v1/decisions?ip=192.0.2.3'])
    expect(lapi.requests.filter(({ headers }) => headers['x-api-key'] === 'l').length).toBe(2)
    expect(lapi.requests.filter(({ headers }) => headers['x-api-key'] === 'k').length).toBe(1)
  })

  it('is certain of what the LAPI said even before the first sync', async () => {
    const lapi = await startLapi({ startupDelay: 5000 })
    const bouncer = await startBouncer(lapi, {
      mode: 'hybrid',
      liveApiKey: lapi.apiKey,
      notReadyAction: 'ban',
      startTimeout: 100,
    })
    expect(await actionOf(bouncer.ask('192.0.2.1'))).toBe('allow')
    expect(bouncer.check('192.0.2.1').action).toBe('ban')
  })

  it('goes on with the stream while the LAPI cannot be asked', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    const bouncer = await startBouncer(lapi, { mode: 'hybrid', liveApiKey: lapi.apiKey })
    await lapi.down()
    expect(await actionOf(bouncer.ask('192.0.2.1'))).toBe('ban')
    expect(await actionOf(bouncer.ask('192.0.2.2'))).toBe('allow')
    expect(await failures(bouncer)).toEqual({ live_failed: 1 })
  })
})

describe('none', () => {
  it('asks nothing and allows everything', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '192.0.2.1', duration: '1h' })
    const bouncer = await startBouncer(lapi, { mode: 'none' })
    expect(bouncer.isReady()).toBe(true)
    expect(bouncer.ask('192.0.2.1')).toMatchObject({ action: 'allow' })
    expect(lapi.requests).toEqual([])
  })
})

describe('several LAPIs', () => {
  async function two() {
    const [paris, tokyo] = [await startLapi({ apiKeys: { b: 'p' } }), await startLapi({ apiKeys: { b: 't' } })]
    const lapis = [
      { name: 'paris', apiUrl: paris.url, apiKey: 'p' },
      { name: 'tokyo', apiUrl: tokyo.url, apiKey: 't' },
    ]
    return { paris, tokyo, lapis }
  }

  it('are merged, and what one takes back stays if the other says it too', async () => {
    const { paris, tokyo, lapis } = await two()
    for (const lapi of [paris, tokyo]) lapi.add({ value: '192.0.2.1', duration: '1h' })
    tokyo.add({ value: '192.0.2.2', duration: '1h' })
    const bouncer = await startBouncer(null, { lapis, streamUpdateFrequency: 100 })
    expect(bouncer.stats().sources.map(({ name, decisions }) => [name, decisions])).toEqual([
      ['paris', 1],
      ['tokyo', 2],
    ])
    tokyo.delete({ value: '192.0.2.1' })
    await expect.poll(() => bouncer.stats().sources[1]?.decisions).toBe(1)
    expect(['192.0.2.1', '192.0.2.2'].map((address) => bouncer.check(address).action)).toEqual(['ban', 'ban'])
  })

  it('one is down: the other protects, and the bouncer is not ready', async () => {
    const { paris, tokyo, lapis } = await two()
    paris.add({ value: '192.0.2.1', duration: '1h' })
    await tokyo.down()
    const bouncer = await startBouncer(null, { lapis, startTimeout: 300 })
    expect([bouncer.isReady(), bouncer.check('192.0.2.1').action]).toEqual([false, 'ban'])
  })

  it('are all asked in live mode', async () => {
    const { paris, tokyo, lapis } = await two()
    tokyo.add({ value: '192.0.2.1', duration: '1h' })
    const bouncer = await startBouncer(null, { lapis, mode: 'live' })
    expect(await actionOf(bouncer.ask('192.0.2.1'))).toBe('ban')
    expect([questions(paris).length, questions(tokyo).length]).toEqual([1, 1])
  })
})

describe('tells at the start', () => {
  async function linesOf(options: BouncerOptions): Promise<readonly string[]> {
    const lines: string[] = []
    const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => void lines.push(line) }
    await startBouncer(await startLapi(), { logger, ...options })
    return lines
  }

  it.each<[string, BouncerOptions, readonly string[]]>([
    ['nothing', { mode: 'live' }, []],
    ['that questions use the key of the stream', { mode: 'hybrid' }, ['CSB_LIVE_KEY']],
    ['that certificates are not checked', { mode: 'live', insecureSkipVerify: true }, ['CSB_INSECURE_SKIP_VERIFY']],
  ])('%s', async (_name, options, codes) => {
    expect((await linesOf(options)).map((line) => line.split(':')[0])).toEqual(codes)
  })
})
