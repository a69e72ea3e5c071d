/** What counts in the end, through `createBouncer`: allowlist, guard rails, and one policy for each thing that can fail. */

import { describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { type Bouncer, type BouncerOptions, createBouncer, type DecisionSink, type Source } from '../src/index.js'
import { silentLogger } from '../src/logger.js'
import { FakeLapi } from '../src/testing/index.js'
import { decision, listSource } from './source-of-decisions.js'

const BANNED = '203.0.113.7'
const STRANGER = '192.0.2.99'

async function start(options: BouncerOptions): Promise<Bouncer> {
  const bouncer = createBouncer({ startTimeout: 100, logger: silentLogger, ...options })
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  return bouncer
}

/** A source that delivers when the test says so: its sink comes with its start. */
function steppedSource(): Source & { readonly sink: Promise<DecisionSink> } {
  let begin: (sink: DecisionSink) => void = () => {}
  const sink = new Promise<DecisionSink>((resolve) => {
    begin = resolve
  })
  return { name: 'stepped', start: (given) => begin(given), stop() {}, sink }
}

/** `failed_verdicts_total` by cause, and `requests_total` by action. */
async function counted(bouncer: Bouncer): Promise<Record<string, number>> {
  const values = async (name: string) =>
    (await bouncer.registry.getSingleMetric(`crowdsec_bouncer_${name}`)?.get())?.values ?? []
  const [failed, requests] = await Promise.all([values('failed_verdicts_total'), values('requests_total')])
  return Object.fromEntries(
    [...failed, ...requests]
      .filter(({ value }) => value > 0)
      .map(({ labels, value }) => [labels['cause'] ?? labels['action'], value]),
  )
}

describe('allowlist', () => {
  const ALL = [decision({ value: '0.0.0.0/0', scope: 'Range' }), decision({ value: '::/0', scope: 'Range' })]
  test.each([
    ['203.0.113.7', '203.0.113.7', 'allow'],
    ['203.0.113.7', '203.0.113.8', 'ban'],
    ['203.0.113.0/28', '203.0.113.15', 'allow'],
    ['203.0.113.0/28', '203.0.113.16', 'ban'],
    ['203.0.113.9/28', '203.0.113.1', 'allow'],
    ['203.0.113.5-203.0.113.9', '203.0.113.5', 'allow'],
    ['203.0.113.5-203.0.113.9', '203.0.113.9', 'allow'],
    ['203.0.113.5-203.0.113.9', '203.0.113.4', 'ban'],
    ['203.0.113.5-203.0.113.9', '203.0.113.10', 'ban'],
    ['203.0.113.7', '::ffff:203.0.113.7', 'allow'],
    ['::ffff:203.0.113.7', '203.0.113.7', 'allow'],
    ['2001:db8::/32', '2001:DB8::1', 'allow'],
    ['2001:db8::/32', '2001:db9::1', 'ban'],
    ['2001:db8::-2001:db8::f', '2001:db8::10', 'ban'],
    ['0.0.0.0/0', '2001:db8::1', 'ban'],
    ['::/0', '203.0.113.7', 'ban'],
    ['198.51.100.1, 203.0.113.7', '203.0.113.7', 'allow'],
    ['', '203.0.113.7', 'ban'],
  ])('%j: %s gets %s', async (allowlist, address, action) => {
    const bouncer = await start({ sources: [listSource(ALL)], allowlist })
    expect(bouncer.check(address).action).toBe(action)
    expect(await counted(bouncer)).toEqual({ [action]: 1 })
  })

  it('holds for decisions on what else is known of a visitor, and whatever fails', async () => {
    const bob = decision({ scope: 'username', value: 'bob' })
    const bouncer = await start({
      sources: [listSource([bob]), steppedSource()],
      allowlist: [BANNED],
      notReadyAction: 'ban',
    })
    expect(bouncer.check(BANNED, { username: 'bob' }).action).toBe('allow')
    expect(bouncer.check(BANNED).action).toBe('allow')
    expect(bouncer.check(STRANGER).action).toBe('ban')
    expect(await counted(bouncer)).toEqual({ allow: 2, ban: 1, not_ready: 1 })
  })

  it('does not hold for what is no address', async () => {
    const bouncer = await start({
      sources: [listSource([])],
      allowlist: ['0.0.0.0/0', '::/0'],
      invalidAddressAction: 'ban',
    })
    expect(bouncer.check('0.0.0.0:80').action).toBe('ban')
  })

  it('warns once if it holds everybody', async () => {
    const warnings: string[] = []
    const logger = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line), error() {} }
    await start({ sources: [listSource([])], allowlist: ['0.0.0.0-255.255.255.255'], logger })
    expect(warnings).toEqual([expect.stringContaining('CSB_ALLOWLIST_ALL')])
  })
})

describe('guard rails', () => {
  const DECISIONS = [
    decision({ value: '203.0.113.1' }),
    decision({ value: '203.0.113.2', type: 'captcha' }),
    decision({ value: '203.0.113.3', origin: 'lists', scenario: 'tor' }),
    decision({ value: '203.0.113.4', origin: 'CAPI', scenario: 'http:scan' }),
    decision({ value: '203.0.113.5', origin: 'CAPI', scenario: 'http:scan' }),
    decision({ value: '203.0.113.0/28', scope: 'Range', type: 'throttle', origin: 'cscli', scenario: 'noise' }),
    decision({ value: '203.0.113.5', type: 'captcha', origin: 'crowdsec', scenario: 'ssh-bf' }),
  ]
  test.each<[string, Partial<BouncerOptions>, actions: string]>([
    ['none', {}, 'ban captcha ban ban ban throttle allow'],
    ['at most captcha', { maxRemediation: 'captcha' }, 'captcha captcha captcha captcha captcha throttle allow'],
    ['nothing', { maxRemediation: 'allow' }, 'allow allow allow allow allow allow allow'],
    [
      'an origin is let pass, but not who else is wanted',
      { originActions: { CAPI: 'allow' } },
      'ban captcha ban throttle captcha throttle allow',
    ],
    ['an origin gets less', { originActions: { CAPI: 'captcha' } }, 'ban captcha ban captcha captcha throttle allow'],
    ['a list gets less', { scenarioActions: { tor: 'captcha' } }, 'ban captcha captcha ban ban throttle allow'],
    ['a scenario gets more', { scenarioActions: { noise: 'ban' } }, 'ban ban ban ban ban ban allow'],
    [
      'a scenario before its origin',
      { scenarioActions: { 'http:scan': 'throttle' }, originActions: { CAPI: 'ban' } },
      'ban captcha ban throttle captcha throttle allow',
    ],
    ['as pairs in a text', { scenarioActions: 'noise=allow, tor=allow' }, 'ban captcha allow ban ban allow allow'],
    [
      'another order',
      { severityOrder: ['throttle', 'captcha', 'ban'] },
      'throttle throttle throttle throttle throttle throttle allow',
    ],
    [
      'another order, limited',
      { severityOrder: ['throttle', 'captcha', 'ban'], maxRemediation: 'ban' },
      'ban ban ban ban ban ban allow',
    ],
  ])('%s', async (_name, options, actions) => {
    const bouncer = await start({ sources: [listSource(DECISIONS)], ...options })
    const addresses = [
      '203.0.113.1',
      '203.0.113.2',
      '203.0.113.3',
      '203.0.113.4',
      '203.0.113.5',
      '203.0.113.6',
      STRANGER,
    ]
    expect(addresses.map((address) => bouncer.check(address).action).join(' ')).toBe(actions)
  })

  it('tell the decision that counts, as it came', async () => {
    const bouncer = await start({
      sources: [listSource(DECISIONS)],
      originActions: { CAPI: 'allow' },
      maxRemediation: 'throttle',
    })
    const verdict = bouncer.check('203.0.113.5')
    expect(verdict).toMatchObject({
      action: 'throttle',
      decision: { type: 'captcha', origin: 'crowdsec', scenario: 'ssh-bf' },
    })
    expect(JSON.parse(JSON.stringify(verdict))).toMatchObject({ action: 'throttle', decision: { type: 'captcha' } })
    expect(bouncer.explain('203.0.113.5').map(({ origin }) => origin)).toEqual(['CAPI', 'crowdsec', 'cscli'])
  })

  it('are counted as what is done, under the origin of the decision that counts', async () => {
    const bouncer = await start({ sources: [listSource(DECISIONS)], scenarioActions: { tor: 'captcha' } })
    bouncer.check('203.0.113.3')
    expect(await bouncer.registry.metrics()).toContain('requests_total{action="captcha",origin="lists:tor"} 1')
  })

  it('hold across sources', async () => {
    const capi = listSource([decision({ value: BANNED, origin: 'CAPI' })], 'one')
    const own = listSource([decision({ value: BANNED, origin: 'own', type: 'captcha' })], 'other')
    const bouncer = await start({ sources: [capi, own], originActions: { CAPI: 'allow' } })
    expect(bouncer.check(BANNED)).toMatchObject({ action: 'captcha', decision: { origin: 'own' } })
  })

  it('hold for what else is known of a visitor', async () => {
    const bob = decision({ scope: 'username', value: 'bob', scenario: 'x' })
    const bouncer = await start({ sources: [listSource([bob])], scenarioActions: { x: 'captcha' } })
    expect(bouncer.check('unknown', { username: 'bob' }).action).toBe('captcha')
  })

  test.each([
    [{ maxRemediation: 'captch' }, /maxRemediation: expected one of ban, captcha, throttle, allow, got "captch"/],
    [
      { maxRemediation: 'throttle', severityOrder: 'ban,captcha' },
      /maxRemediation: expected one of ban, captcha, allow, got "throttle"/,
    ],
    [{ severityOrder: ['ban', 'ban'] }, /severityOrder.*an item appears twice/],
    [{ allowlist: ['300.1.1.1'] }, /allowlist\[0\]: expected addresses, CIDRs/],
    [{ excludePaths: ['health'] }, /excludePaths\[0\].*does not begin with a slash/],
    [{ excludePaths: ['/x', '/'] }, /excludePaths\[1\].*every path is below it/],
    [{ excludePaths: ['/x?y'] }, /excludePaths\[0\].*only the path/],
    [{ banRedirect: '/sorry' }, /banRedirect: expected an http or https URL, got "\/sorry"/],
    [{ banRedirect: 'javascript:alert(1)' }, /banRedirect: expected an http or https URL/],
    [{ banReturnCode: 200 }, /banReturnCode: expected an HTTP status from 400 to 599, got 200/],
    [
      { banTemplatePath: '/does/not/exist.html' },
      /banTemplatePath: expected the path of an HTML file.*cannot be read: ENOENT/,
    ],
    [{ banTemplatePath: '/' }, /banTemplatePath.*it is no file/],
    [{ banAnswer: 'text' as never }, /banAnswer: expected a function/],
    [{ identify: {} as never }, /identify: expected a function/],
    [{ remediationFallback: 'allow' as never }, /remediationFallback: expected `ban` or `ignore`/],
  ])('%j is a mistake with a name', (options: Partial<BouncerOptions>, message) => {
    expect(() => createBouncer({ sources: [listSource([])], ...options })).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_CONFIG', message: expect.stringMatching(message) }),
    )
  })
})

describe('what is no address', () => {
  test.each([
    [{}, 'allow'],
    [{ invalidAddressAction: 'ban' }, 'ban'],
    [{ invalidAddressAction: 'ban', maxRemediation: 'captcha' }, 'captcha'],
    [{ invalidAddressAction: 'ban', maxRemediation: 'allow' }, 'allow'],
    [{ invalidAddressAction: 'allow', notReadyAction: 'ban', stalenessAction: 'ban' }, 'allow'],
  ] as const)('%j: %s', async (options, action) => {
    const bouncer = await start({ sources: [listSource([])], ...options })
    expect(bouncer.check('nonsense')).toEqual({ action, decision: null })
    expect(await counted(bouncer)).toMatchObject({ invalid_address: 1 })
  })
})

describe('before the first sync', () => {
  test.each([
    [{}, 'allow'],
    [{ notReadyAction: 'passthrough' }, 'allow'],
    [{ notReadyAction: 'ban' }, 'ban'],
    [{ notReadyAction: 'captcha' }, 'captcha'],
    [{ notReadyAction: 'ban', maxRemediation: 'captcha' }, 'captcha'],
  ] as const)('%j: %s', async (options, action) => {
    const source = steppedSource()
    const bouncer = await start({ sources: [source, listSource([decision({ value: BANNED })])], ...options })
    expect(bouncer.check(STRANGER)).toEqual({ action, decision: null })
    expect(bouncer.check(BANNED).decision?.value).toBe(BANNED)
    expect(await counted(bouncer)).toMatchObject({ not_ready: 1 })
    await (await source.sink).replaceAll([])
    expect(bouncer.check(STRANGER).action).toBe('allow')
    expect(await counted(bouncer)).toMatchObject({ not_ready: 1 })
  })

  it('waitForSync: a question waits for it and is then answered by what came', async () => {
    const source = steppedSource()
    const bouncer = createBouncer({ sources: [source], waitForSync: true, startTimeout: '10m', notReadyAction: 'ban' })
    onTestFinished(() => bouncer.stop())
    bouncer.startInBackground()
    const answers = Promise.all([bouncer.ask(BANNED), bouncer.ask(STRANGER)])
    await (await source.sink).replaceAll([decision({ value: BANNED })])
    expect((await answers).map(({ action }) => action)).toEqual(['ban', 'allow'])
    expect(bouncer.ask(STRANGER)).toMatchObject({ action: 'allow' })
    expect(await counted(bouncer)).toEqual({ ban: 1, allow: 2 })
  })

  it('waitForSync: who has waited for startTimeout in vain gets notReadyAction, and the next ones too', async () => {
    const bouncer = createBouncer({
      sources: [steppedSource()],
      waitForSync: true,
      startTimeout: 100,
      notReadyAction: 'captcha',
    })
    onTestFinished(() => bouncer.stop())
    bouncer.startInBackground()
    expect([(await bouncer.ask(STRANGER)).action, (await bouncer.ask(STRANGER)).action]).toEqual(['captcha', 'captcha'])
    expect(await counted(bouncer)).toEqual({ captcha: 2, not_ready: 2 })
  })

  it('waitForSync: a bouncer that nobody has started does not let a question wait for ever, nor does one that is stopped', async () => {
    const options = {
      sources: [steppedSource()],
      waitForSync: true,
      startTimeout: '10m',
      notReadyAction: 'ban',
    } as const
    expect((await createBouncer(options).ask(STRANGER)).action).toBe('ban')
    const bouncer = createBouncer(options)
    bouncer.startInBackground()
    const answer = bouncer.ask(STRANGER)
    await bouncer.stop()
    expect((await answer).action).toBe('ban')
  })
})

describe('a sync that is too old', () => {
  test.each([
    [{}, 'allow'],
    [{ stalenessAction: 'ban' }, 'ban'],
    [{ stalenessAction: 'captcha' }, 'captcha'],
    [{ stalenessAction: 'ban', maxRemediation: 'captcha' }, 'captcha'],
  ] as const)('%j: %s for those whom nothing matches', async (options, action) => {
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const source = steppedSource()
    const bouncer = await start({ sources: [source], maxStaleness: '1m', ...options })
    const sink = await source.sink
    await sink.replaceAll([decision({ value: BANNED })])
    vi.advanceTimersByTime(59_000)
    expect(bouncer.check(STRANGER).action).toBe('allow')
    expect(await counted(bouncer)).toEqual({ allow: 1 })
    vi.advanceTimersByTime(3000)
    expect(bouncer.check(STRANGER)).toEqual({ action, decision: null })
    expect(bouncer.check(BANNED).decision?.value).toBe(BANNED)
    expect(await counted(bouncer)).toMatchObject({ stale: 1 })
    await sink.apply({})
    expect(bouncer.check(STRANGER).action).toBe('allow')
    expect(await counted(bouncer)).toMatchObject({ stale: 1 })
  })
})

describe('the LAPI cannot be asked about an address', () => {
  test.each([
    [{}, 'allow'],
    [{ lapiFailureAction: 'ban' }, 'ban'],
    [{ lapiFailureAction: 'captcha' }, 'captcha'],
    [{ lapiFailureAction: 'ban', maxRemediation: 'captcha' }, 'captcha'],
    [{ lapiFailureAction: 'ban', allowlist: [STRANGER] }, 'allow'],
  ] as const)('%j: %s', async (options, action) => {
    const lapi = await FakeLapi.start()
    onTestFinished(() => lapi.stop())
    const where = { apiUrl: lapi.url, apiKey: lapi.apiKey, usageMetricsInterval: 0 } as const
    const bouncer = await start({
      ...where,
      mode: 'live',
      sources: [listSource([decision({ value: BANNED })])],
      ...options,
    })
    lapi.fault({ kind: 'status', status: 500 })
    expect(await bouncer.ask(STRANGER)).toEqual({ action, decision: null })
    expect((await bouncer.ask(BANNED)).decision?.value).toBe(BANNED)
    const isAsked = !('allowlist' in options)
    expect((await counted(bouncer))['live_failed']).toBe(isAsked ? 1 : undefined)
  })
})
