import { describe, expect, it, onTestFinished, test } from 'vitest'
import {
  type BouncerOptions,
  createBouncer,
  type Gate,
  type RequestReader,
  type RouteOverrides,
} from '../../src/index.js'
import type { UsageItem } from '../../src/lapi/usage-metrics.js'
import { createCheckService } from '../../src/server/check-service.js'
import { FakeLapi, type FakeLapiOptions } from '../../src/testing/index.js'
import { ask } from '../server/service.js'
import { decision, listSource } from '../source-of-decisions.js'

interface Visit {
  readonly address: string
}

const reader: RequestReader<Visit> = {
  address: ({ address }) => address,
  peer: ({ address }) => address,
  header: () => undefined,
  method: () => 'GET',
  path: ({ address }) => `/${address}`,
  proxyTrust: () => 'some',
  proxySettings: '',
}

async function start(options: Partial<BouncerOptions> = {}, lapiOptions: FakeLapiOptions = {}) {
  const lapi = await FakeLapi.start(lapiOptions)
  onTestFinished(() => lapi.stop())
  lapi.add({ value: '203.0.113.7', duration: '4h', origin: 'cscli' })
  lapi.add({ value: '203.0.113.8', duration: '4h', origin: 'CAPI', type: 'captcha' })
  lapi.add({ value: '2001:db8:bad::/48', scope: 'Range', duration: '4h', origin: 'lists', scenario: 'tor' })
  const bouncer = createBouncer({ apiUrl: lapi.url, apiKey: lapi.apiKey, ...options })
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  const visit = (gate: Gate<Visit>, ...addresses: string[]) =>
    Promise.all(addresses.map((address) => gate.enter({ address })))
  const gate = (overrides?: RouteOverrides) => bouncer.gate(reader, overrides)
  /** What the last report says, sent by stop(); `active_decisions` left out. */
  const told = async () => {
    await bouncer.stop()
    const report = lapi.requests.find(({ path }) => path === '/v1/usage-metrics')
    if (report === undefined) return null
    const items: UsageItem[] = JSON.parse(report.body).remediation_components[0].metrics[0].items
    return items.map(({ name, value, labels }) => [name, value, ...Object.values(labels)].join(' '))
  }
  const counted = async () => (await told())?.filter((line) => !line.startsWith('active')) ?? null
  return { lapi, bouncer, gate, visit, told, counted }
}

describe('through a gate', () => {
  it('what is really answered counts as dropped, with what was really done; everybody counts as processed', async () => {
    const { gate, visit, told } = await start()
    await visit(
      gate(),
      '9.9.9.9',
      '203.0.113.7',
      '203.0.113.7',
      '203.0.113.8',
      '2001:db8:bad::1',
      '::1',
      '::ffff:203.0.113.7',
    )
    expect(await told()).toEqual([
      'processed 5 ipv4',
      'processed 2 ipv6',
      'dropped 3 cscli ban ipv4',
      'dropped 1 CAPI ban ipv4', // a captcha that fell back
      'dropped 1 lists:tor ban ipv6',
      'active_decisions 1 cscli ipv4',
      'active_decisions 1 CAPI ipv4',
      'active_decisions 1 lists:tor ipv6',
    ])
  })

  test.each<[string, Partial<BouncerOptions>, RouteOverrides, readonly string[], readonly string[] | null]>([
    ['a dry run', { dryRun: true }, {}, ['203.0.113.7'], ['processed 1 ipv4']],
    ['a dry run of one route', {}, { dryRun: true }, ['203.0.113.7'], ['processed 1 ipv4']],
    ['a captcha that is ignored', { remediationFallback: 'ignore' }, {}, ['203.0.113.8'], ['processed 1 ipv4']],
    ['an address on the allowlist', { allowlist: ['203.0.113.7'] }, {}, ['203.0.113.7'], ['processed 1 ipv4']],
    ['an origin that is let pass', { originActions: { cscli: 'allow' } }, {}, ['203.0.113.7'], ['processed 1 ipv4']],
    ['what is not judged', { excludePaths: ['/203.0.113.7'] }, {}, ['203.0.113.7'], null],
    ['what is no address', {}, {}, ['unknown'], ['processed 1']],
    [
      'what is no address and banned',
      { invalidAddressAction: 'ban' },
      {},
      ['unknown'],
      ['processed 1', 'dropped 1 ban'],
    ],
  ])('%s', async (_name, options, overrides, addresses, lines) => {
    const { gate, visit, counted } = await start(options)
    await visit(gate(overrides), ...addresses)
    expect(await counted()).toEqual(lines)
  })

  it('in live mode too', async () => {
    const { gate, visit, counted } = await start({ mode: 'live', lapiTimeout: '5s' })
    await visit(gate(), '203.0.113.7', '9.9.9.9', '203.0.113.8')
    expect(await counted()).toEqual(['processed 3 ipv4', 'dropped 1 cscli ban ipv4', 'dropped 1 CAPI ban ipv4'])
  })
})

describe('where the caller answers', () => {
  it('check(): the action counts as done', async () => {
    const { bouncer, counted } = await start()
    for (const address of ['203.0.113.7', '203.0.113.8', '9.9.9.9']) bouncer.check(address)
    bouncer.explain('203.0.113.7')
    expect(await counted()).toEqual(['processed 3 ipv4', 'dropped 1 cscli ban ipv4', 'dropped 1 CAPI captcha ipv4'])
  })

  it('ask(): the same', async () => {
    const { bouncer, counted } = await start({ mode: 'live', lapiTimeout: '5s' })
    await bouncer.ask('203.0.113.8')
    await bouncer.ask('203.0.113.8')
    expect(await counted()).toEqual(['processed 2 ipv4', 'dropped 2 CAPI captcha ipv4'])
  })

  it('a listener that asks about others changes nothing of it', async () => {
    const { bouncer, counted } = await start()
    bouncer.on('blocked', () => void bouncer.explain('2001:db8::1'))
    bouncer.check('203.0.113.7')
    await bouncer.ask('203.0.113.7')
    expect(await counted()).toEqual(['processed 2 ipv4', 'dropped 2 cscli ban ipv4'])
  })

  it('the check service: the action answered counts as done', async () => {
    const { bouncer, counted } = await start()
    const service = createCheckService({ bouncer, listen: { host: '127.0.0.1', port: 0 } })
    onTestFinished(() => service.stop())
    const { port } = await service.start()
    await ask(port, '/check?ip=203.0.113.7')
    const body = JSON.stringify({ ips: ['203.0.113.8', '2001:db8:bad::1', '::1'] })
    await ask(port, '/check', { method: 'POST', body })
    expect(await counted()).toEqual([
      'processed 2 ipv4',
      'processed 2 ipv6',
      'dropped 1 cscli ban ipv4',
      'dropped 1 lists:tor ban ipv6',
      'dropped 1 CAPI captcha ipv4',
    ])
  })
})

describe('active decisions', () => {
  it('are of all sources', async () => {
    const own = listSource([decision({ origin: 'cscli', value: '8.8.8.8' }), decision({ origin: 'own' })], 'own')
    const { bouncer, told } = await start({ sources: [own] })
    bouncer.check('9.9.9.9')
    expect((await told())?.filter((line) => line.startsWith('active')).sort()).toEqual([
      'active_decisions 1 CAPI ipv4',
      'active_decisions 1 lists:tor ipv6',
      'active_decisions 1 own ipv4',
      'active_decisions 2 cscli ipv4',
    ])
  })
})

describe('whether there are reports', () => {
  test.each<[string, Partial<BouncerOptions>, FakeLapiOptions, number | null]>([
    ['by default', {}, {}, 201],
    ['in mode none', { mode: 'none' }, {}, 201],
    ['switched off', { usageMetricsInterval: 0 }, {}, null],
    ['a LAPI of 1.4.6', {}, { bodyShape: '1.4.6' }, 404],
  ])('%s', async (_name, options, lapiOptions, status) => {
    const { lapi, bouncer } = await start(options, lapiOptions)
    bouncer.check('9.9.9.9')
    await bouncer.stop()
    const reports = lapi.requests.filter(({ path }) => path === '/v1/usage-metrics')
    expect(reports.map((report) => report.status)).toEqual(status === null ? [] : [status])
  })

  it('not without a LAPI', async () => {
    const bouncer = createBouncer({ sources: [listSource([decision()])] })
    await bouncer.start()
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
    await bouncer.stop()
  })

  test.each([
    ['0', true],
    ['10m', true],
    ['9m59s', false],
    [1000, false],
    ['-30m', false],
  ])('usageMetricsInterval %j is taken: %j', (usageMetricsInterval, isTaken) => {
    const create = () => createBouncer({ apiKey: 'k', usageMetricsInterval })
    if (isTaken) expect(create).not.toThrow()
    else expect(create).toThrow(expect.objectContaining({ code: 'ERR_CSB_CONFIG' }))
  })
})
