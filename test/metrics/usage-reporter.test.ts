import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, test } from 'vitest'
import { LapiClient } from '../../src/lapi/lapi-client.js'
import type { UsageMetrics } from '../../src/lapi/usage-metrics.js'
import { RequestCounts } from '../../src/metrics/request-counts.js'
import { UsageCounts } from '../../src/metrics/usage-counts.js'
import type { ActiveCount } from '../../src/metrics/usage-report.js'
import { UsageReporter } from '../../src/metrics/usage-reporter.js'
import { FakeLapi, type FakeLapiOptions } from '../../src/testing/index.js'
import { USER_AGENT } from '../../src/version.js'
import { memoryLogger } from '../server/service.js'

const HOUR = 3_600_000

async function start(options: FakeLapiOptions & { interval?: number; active?: ActiveCount[]; apiUrl?: string } = {}) {
  const lapi = await FakeLapi.start(options)
  onTestFinished(() => lapi.stop())
  const logger = memoryLogger()
  const errors: Error[] = []
  const requests = new RequestCounts()
  const counts = new UsageCounts(requests)
  const reporter = new UsageReporter({
    client: new LapiClient({ apiUrl: options.apiUrl ?? lapi.url, apiKey: lapi.apiKey, userAgent: USER_AGENT }),
    counts,
    activeDecisions: async () => options.active ?? [],
    userAgent: USER_AGENT,
    interval: options.interval ?? HOUR,
    logger,
    onError: (error) => errors.push(error),
  })
  onTestFinished(() => reporter.stop())
  const drop = (origin = 'cscli', remediation = 'ban') => {
    requests.countRemediated(4, remediation, origin)
    counts.countDropped(4, origin, remediation)
  }
  return { lapi, reporter, requests, counts, drop, logger, errors, reports: () => reportsOf(lapi) }
}

function reportsOf(lapi: FakeLapi) {
  return lapi.requests
    .filter(({ path }) => path === '/v1/usage-metrics')
    .map(({ body, status }) => ({ status, component: (JSON.parse(body) as UsageMetrics).remediation_components[0] }))
}

function itemsOf({ component }: ReturnType<typeof reportsOf>[number]): string[] {
  return component.metrics[0].items.map(({ name, value, unit, labels }) =>
    [name, value, unit, ...Object.values(labels)].join(' '),
  )
}

describe('a report', () => {
  it('has the form that the LAPI takes, and the version of the User-Agent', async () => {
    const { reporter, requests, drop, lapi } = await start()
    const before = Math.floor(Date.now() / 1000)
    requests.countAllowed(4)
    drop()
    await reporter.push()
    const [request] = lapi.requests
    expect([request.method, request.path, request.status]).toEqual(['POST', '/v1/usage-metrics', 201])
    expect(request.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': USER_AGENT })
    expect(request.headers['content-encoding']).toBeUndefined()
    const body = JSON.parse(request.body)
    expect(body).toEqual({
      remediation_components: [
        {
          name: 'crowdsec-nodejs-bouncer',
          type: 'crowdsec-nodejs-bouncer',
          version: USER_AGENT.split('/')[1],
          os: { name: expect.stringMatching(/./), version: expect.any(String) },
          feature_flags: [],
          utc_startup_timestamp: expect.any(Number),
          metrics: [
            {
              meta: { window_size_seconds: expect.any(Number), utc_now_timestamp: expect.any(Number) },
              items: [
                { name: 'processed', value: 2, unit: 'request', labels: { ip_type: 'ipv4' } },
                {
                  name: 'dropped',
                  value: 1,
                  unit: 'request',
                  labels: { origin: 'cscli', remediation: 'ban', ip_type: 'ipv4' },
                },
              ],
            },
          ],
        },
      ],
    })
    const [component] = body.remediation_components
    expect(component.utc_startup_timestamp).toBeGreaterThanOrEqual(before - 1)
    expect(component.metrics[0].meta.utc_now_timestamp - component.utc_startup_timestamp).toBeLessThan(5)
  })

  it('tells apart what is dropped by origin, remediation and family, and what is processed by family', async () => {
    const { reporter, requests, counts, reports } = await start()
    for (const family of [4, 4, 6, 0] as const) requests.countAllowed(family)
    requests.countRemediated(6, 'captcha', 'lists:tor')
    counts.countDropped(4, 'CAPI', 'ban')
    counts.countDropped(4, 'CAPI', 'ban')
    counts.countDropped(6, 'CAPI', 'ban')
    counts.countDropped(6, 'lists:tor', 'captcha')
    counts.countDropped(0, '', 'ban')
    await reporter.push()
    expect(itemsOf(reports()[0])).toEqual([
      'processed 2 request ipv4',
      'processed 2 request ipv6',
      'processed 1 request',
      'dropped 2 request CAPI ban ipv4',
      'dropped 1 request CAPI ban ipv6',
      'dropped 1 request ban',
      'dropped 1 request lists:tor captcha ipv6',
    ])
  })

  it('has one item for each pair of origin and family over all sources', async () => {
    const active: ActiveCount[] = [
      { origin: 'CAPI', list: '', ipType: 'ipv4', count: 10 },
      { origin: 'lists', list: 'tor', ipType: 'ipv4', count: 3 },
      { origin: 'lists', list: 'tor', ipType: 'ipv6', count: 2 },
      { origin: 'CAPI', list: '', ipType: 'ipv4', count: 5 },
      { origin: 'cscli', list: '', ipType: null, count: 1 },
    ]
    const { reporter, reports } = await start({ active })
    await reporter.push()
    expect(itemsOf(reports()[0])).toEqual([
      'active_decisions 15 ip CAPI ipv4',
      'active_decisions 3 ip lists:tor ipv4',
      'active_decisions 2 ip lists:tor ipv6',
      'active_decisions 1 ip cscli',
    ])
  })

  it('is not sent where there is nothing at all to tell', async () => {
    const { reporter, reports } = await start()
    await reporter.push()
    expect(reports()).toEqual([])
  })

  it('keeps labels to 255 characters, which is what the LAPI takes', async () => {
    const { reporter, drop, reports } = await start({
      active: [{ origin: 'lists', list: 'y'.repeat(300), ipType: 'ipv4', count: 1 }],
    })
    drop(`lists:${'x'.repeat(300)}`)
    await reporter.push()
    const { items } = reports()[0].component.metrics[0]
    expect(items.map(({ labels }) => labels['origin']?.length)).toEqual([undefined, 255, 255])
  })
})

describe('counts', () => {
  test.each([
    ['a refusal', (lapi: FakeLapi) => lapi.fault({ kind: 'status', status: 500 }, { times: 1 }), 'ERR_CSB_LAPI_STATUS'],
    ['a bad key', (lapi: FakeLapi) => lapi.fault({ kind: 'status', status: 403 }, { times: 1 }), 'ERR_CSB_LAPI_AUTH'],
    ['a 200', (lapi: FakeLapi) => lapi.fault({ kind: 'html' }, { times: 1 }), 'ERR_CSB_LAPI_STATUS'],
    ['a reset', (lapi: FakeLapi) => lapi.fault({ kind: 'down' }, { times: 1 }), 'ERR_CSB_CONNECTION_LOST'],
  ])('are told again after %s, with what was counted meanwhile', async (_name, fail, code) => {
    const { lapi, reporter, drop, reports, errors, logger } = await start()
    drop()
    fail(lapi)
    const arrived = lapi.nextRequest()
    const failing = reporter.push()
    await arrived
    drop() // while the push is under way
    await failing
    drop()
    await reporter.push()
    drop()
    await reporter.push()
    expect(reports().map((report) => itemsOf(report)[1])).toEqual([
      'dropped 1 request cscli ban ipv4',
      'dropped 3 request cscli ban ipv4',
      'dropped 1 request cscli ban ipv4',
    ])
    expect(errors).toMatchObject([{ code }])
    expect(logger.lines).toEqual([expect.stringContaining('kept for the next time')])
  })

  it('that arrive during a push which succeeds are in the next one', async () => {
    const { lapi, reporter, drop, reports } = await start()
    drop()
    const arrived = lapi.nextRequest()
    const pushing = reporter.push()
    await arrived
    drop('CAPI')
    await pushing
    await reporter.push()
    expect(reports().map((report) => itemsOf(report)[1])).toEqual([
      'dropped 1 request cscli ban ipv4',
      'dropped 1 request CAPI ban ipv4',
    ])
  })

  it('belong to a window that begins with the last report that was accepted; the start never changes', async () => {
    const { lapi, reporter, requests, reports } = await start()
    requests.countAllowed(4)
    const realNow = performance.now
    onTestFinished(() => void Object.assign(performance, { now: realNow }))
    const later = (seconds: number) => {
      performance.now = () => realNow.call(performance) + seconds * 1000
    }
    later(1800)
    await reporter.push()
    requests.countAllowed(4)
    lapi.fault({ kind: 'status', status: 500 }, { times: 1 })
    later(3600)
    await reporter.push()
    later(5400)
    await reporter.push()
    const sizes = reports().map(({ component }) => component.metrics[0].meta.window_size_seconds)
    expect(sizes).toEqual([1800, 1800, 3600])
    expect(new Set(reports().map(({ component }) => component.utc_startup_timestamp)).size).toBe(1)
  })
})

describe('over time', () => {
  it('reports by itself at the interval', async () => {
    const { lapi, reporter } = await start({
      interval: 20,
      active: [{ origin: 'a', list: '', ipType: 'ipv4', count: 1 }],
    })
    const answers = [lapi.nextAnswer(), lapi.nextAnswer()]
    reporter.start()
    expect(await Promise.all(answers)).toMatchObject([{ status: 201 }, { status: 201 }])
  })

  it('a failure that repeats is one warning', async () => {
    const { lapi, reporter, drop, logger } = await start()
    drop()
    const warnings: string[] = []
    logger.warn = (line) => void warnings.push(line)
    lapi.fault({ kind: 'status', status: 500 }, { times: 3 })
    for (let i = 0; i < 3; i++) await reporter.push()
    expect(warnings).toHaveLength(1)
    await reporter.push()
    drop()
    lapi.fault({ kind: 'status', status: 500 }, { times: 1 })
    await reporter.push()
    expect(warnings).toHaveLength(2)
  })

  it('a LAPI without usage metrics is asked once and told of in one line', async () => {
    const { reporter, drop, reports, logger, errors } = await start({ bodyShape: '1.4.6' })
    drop()
    reporter.start()
    await reporter.push()
    await reporter.push()
    await reporter.stop()
    expect(reports().map(({ status }) => status)).toEqual([404])
    expect(logger.lines).toEqual([expect.stringContaining('takes no usage metrics (it is older than 1.6.3)')])
    expect(errors).toEqual([])
  })
})

describe('in the end', () => {
  it('what is left is told', async () => {
    const { reporter, drop, reports } = await start()
    reporter.start()
    drop()
    await reporter.push()
    drop('CAPI')
    await reporter.stop()
    expect(itemsOf(reports()[1])).toEqual(['processed 1 request ipv4', 'dropped 1 request CAPI ban ipv4'])
  })

  test.each(['started', 'never started'])('nothing is sent where there is nothing to tell (%s)', async (how) => {
    const { reporter, reports } = await start({ active: [{ origin: 'CAPI', list: '', ipType: 'ipv4', count: 10 }] })
    if (how === 'started') reporter.start()
    await reporter.stop()
    expect(reports()).toEqual([])
  })

  it('a LAPI that hangs holds it up for two seconds at most, also in a report that is under way', async () => {
    const hanging = createServer(() => {}).listen(0, '127.0.0.1')
    await once(hanging, 'listening')
    onTestFinished(() => void hanging.closeAllConnections())
    onTestFinished(() => void hanging.close())
    const { port } = hanging.address() as AddressInfo
    const { reporter, drop, errors } = await start({ apiUrl: `http://127.0.0.1:${port}` })
    reporter.start()
    drop()
    const arrived = once(hanging, 'request')
    const pushing = reporter.push()
    await arrived
    const began = performance.now()
    await Promise.all([reporter.stop(), pushing])
    const took = performance.now() - began
    expect(took).toBeGreaterThan(1_900)
    expect(took).toBeLessThan(3_000)
    expect(errors).toHaveLength(1)
  })
})
