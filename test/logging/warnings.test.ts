/** What is wrong from the start is told once, also where there is no logger. */

import { expect, it, onTestFinished, test, vi } from 'vitest'
import { crowdsec } from '../../middleware/http.js'
import { type BouncerOptions, createBouncer, type DecisionSink, type RouteOverrides } from '../../src/index.js'
import { silentLogger } from '../../src/logger.js'
import { FakeCapi, FakeLapi } from '../../src/testing/index.js'
import { decision, listSource } from '../source-of-decisions.js'

/** Code and message of each process warning of ours, as they come. */
function warnings(): readonly string[] {
  const told: string[] = []
  const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation((message, options) => {
    told.push(`${(options as { code: string }).code}: ${message}`)
  })
  onTestFinished(() => emitWarning.mockRestore())
  return told
}

async function started(options: BouncerOptions): Promise<Error | null> {
  const bouncer = createBouncer({ startTimeout: 300, ...options })
  onTestFinished(() => bouncer.stop())
  return bouncer.start().then(
    () => null,
    (error) => error,
  )
}

async function fakeLapi(): Promise<FakeLapi> {
  const lapi = await FakeLapi.start()
  onTestFinished(() => lapi.stop())
  return lapi
}

/** Such that it reports, and finds nothing wrong but what a test gives it. */
async function reporting(over: Partial<BouncerOptions> = {}): Promise<BouncerOptions> {
  const capi = await FakeCapi.start()
  onTestFinished(() => capi.stop())
  const to = { capiUrl: `${capi.url}/v3`, capiScenarios: ['me/x'], reportScenario: 'me/x', capiStorage: 'memory' }
  return { sources: [listSource([decision()])], report: true, ...to, ...over }
}

/** A module in place of the real one. */
function replaced(name: string, create: () => object): void {
  vi.resetModules()
  vi.doMock(name, create)
  onTestFinished(() => void vi.doUnmock(name))
}

it('a key that the LAPI refuses', async () => {
  const told = warnings()
  const { url } = await fakeLapi()
  await started({ apiUrl: url, apiKey: 'wrong', usageMetricsInterval: 0 })
  expect(told).toEqual([expect.stringMatching(/^CSB_SOURCE: Source lapi failed and is tried again: .*api_key/)])
})

it('a LAPI that nobody answers for, in any mode', async () => {
  const told = warnings()
  const lapi = await fakeLapi()
  await lapi.stop()
  const at = { apiUrl: lapi.url, apiKey: 'x', usageMetricsInterval: 0 } as const
  await started(at)
  expect(told).toEqual([expect.stringMatching(/^CSB_SOURCE: Source lapi failed .*ECONNREFUSED/)])
  const live = createBouncer({ ...at, mode: 'live' })
  await live.ask('9.9.9.9')
  await live.ask('9.9.9.8')
  await live.stop()
  expect(told.slice(1)).toEqual([expect.stringMatching(/^CSB_SOURCE: Source live failed .*ECONNREFUSED/)])
})

it('each source by itself, and none that has delivered', async () => {
  const told = warnings()
  const source = (name: string, begin: (sink: DecisionSink) => void | Promise<void>) => ({
    name,
    start: begin,
    stop() {},
  })
  const fails = (sink: DecisionSink) => {
    sink.failed(new Error('no\nway'))
    sink.failed(new Error('again'))
  }
  const failsLater = async (sink: DecisionSink) => {
    await sink.replaceAll([])
    sink.failed(new Error('later'))
  }
  await started({ sources: [source('one', fails), source('other', fails), source('good', failsLater)] })
  expect(told).toEqual([
    String.raw`CSB_SOURCE: Source one failed and is tried again: no\u{a}way`,
    String.raw`CSB_SOURCE: Source other failed and is tried again: no\u{a}way`,
  ])
})

it('a storage that cannot be used, once for all who need it', async () => {
  const told = warnings()
  await started(await reporting({ capiPull: true, capiStorage: 'sqlite:/no/where/at-all.db' }))
  await vi.waitUntil(() => told.length > 0)
  expect(told).toEqual([
    expect.stringMatching(/^CSB_STORAGE: CAPI cannot be used, because of its storage: .*at-all\.db cannot be used/),
  ])
})

test.each([['start'], ['startInBackground']] as const)('a package that is not installed: %s', async (method) => {
  const loadKysely = async () => {
    const { missingPackage } = await import('../../src/signals/storage/optional-package.js')
    throw missingPackage('kysely', new Error('not found'))
  }
  replaced('../../src/signals/storage/sql/kysely-library.js', () => ({ loadKysely }))
  const { createBouncer } = await import('../../src/index.js')
  const told = warnings()
  const bouncer = createBouncer(await reporting({ capiStorage: `sqlite:/tmp/never-made-${process.pid}.db` }))
  onTestFinished(() => bouncer.stop())
  if (method === 'startInBackground') bouncer.startInBackground()
  else {
    const message = expect.stringContaining('npm install kysely')
    await expect(bouncer.start()).rejects.toMatchObject({ code: 'ERR_CSB_STORAGE', message })
  }
  await vi.waitUntil(() => told.length > 0 && bouncer.isReady())
  expect(bouncer.check('1.2.3.4').action).toBe('ban')
  expect(told).toEqual([expect.stringMatching(/^CSB_STORAGE: .*npm install kysely/)])
})

it('a schedule that cannot be kept', async () => {
  const createTask = () => {
    throw new Error('no schedule in a bundle')
  }
  replaced('node-cron', () => ({ createTask }))
  const { createBouncer } = await import('../../src/index.js')
  const told = warnings()
  const bouncer = createBouncer(await reporting())
  onTestFinished(() => bouncer.stop())
  await bouncer.start()
  await vi.waitUntil(() => told.length > 0)
  expect(told).toEqual([
    expect.stringMatching(
      /^CSB_SEND_SCHEDULE: Signals are sent only when sendSignals\(\) is called: no schedule in a bundle/,
    ),
  ])
})

test.each<[BouncerOptions, RouteOverrides, number]>([
  [{ trustedProxies: ['0.0.0.0/0', '::/0'] }, {}, 1],
  [{ trustedProxies: ['loopback', '0.0.0.0-255.255.255.255'] }, {}, 1],
  [{}, { trustedProxies: ['::/0'], clientAddressHeader: 'cf-connecting-ip' }, 1],
  [{ trustedProxies: ['::/0'] }, { trustedProxies: ['loopback'] }, 0],
  [{ trustedProxies: ['10.0.0.0/8', '2001:db8::/32'] }, {}, 0],
  [{ trustedProxies: 2 }, {}, 0],
])('trust in all proxies: %j, on the route %j', async (options, overrides, count) => {
  const told = warnings()
  const bouncer = createBouncer({ ...options, sources: [listSource([])] })
  crowdsec(bouncer, overrides)
  expect(told.map((text) => text.split(':')[0])).toEqual(Array(count).fill('CSB_TRUST_ALL_PROXIES'))
})

it('a logger is told in place of the process', async () => {
  const told = warnings()
  const errors: string[] = []
  const logger = { ...silentLogger, error: (line: string) => void errors.push(line) }
  await started({ ...(await reporting({ capiPull: true, capiStorage: 'sqlite:/no/where/at-all.db' })), logger })
  await vi.waitUntil(() => errors.length > 1)
  expect(told).toEqual([])
})
