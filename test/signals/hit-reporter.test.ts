import { describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { ALLOWED, type FoundVerdict, type Verdict } from '../../src/decisions/decision.js'
import { silentLogger } from '../../src/logger.js'
import { HitReporter, type HitReporterOptions } from '../../src/signals/hits/hit-reporter.js'
import type { SignalDraft } from '../../src/signals/hits/hit-signal.js'
import type { OwnSignal } from '../../src/signals/hits/own-signal.js'
import type { RequestContext, RequestContextName } from '../../src/signals/hits/request-context.js'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)

function found(over: Partial<FoundVerdict> = {}): Verdict {
  const decision = null
  const withAction = (action: string): Verdict => ({ action, decision: null })
  return { action: 'ban', decision, origin: 'cscli', scenario: 'me/x', withAction, ...over } as FoundVerdict
}

interface Setup {
  readonly reporter: HitReporter
  readonly told: SignalDraft[]
  readonly warnings: string[]
  readonly errors: Error[]
  readonly lines: string[]
  /** What the outbox throws; null: it takes all. */
  failure: Error | null
  dropped: Record<string, number>
  time: number
}

function setUp(over: Partial<HitReporterOptions> = {}): Setup {
  const setup = { told: [], warnings: [], errors: [], lines: [], failure: null, time: NOW } as unknown as Setup
  const write = (line: string) => void setup.lines.push(line)
  const reporter = new HitReporter({
    scenarios: ['me/x', 'me/y'],
    fallbackScenario: null,
    origins: [],
    context: ['method', 'path', 'user_agent', 'status'],
    redact: null,
    isAllowlisted: (address) => address === '8.8.8.8',
    window: 60_000,
    add: async (drafts) => {
      if (setup.failure !== null) throw setup.failure
      setup.told.push(...drafts)
      return { added: drafts.length, known: 0, dropped: 0 }
    },
    logger: { ...silentLogger, info: write, warn: write },
    warnOnce: (code) => {
      if (!setup.warnings.includes(code)) setup.warnings.push(code)
    },
    onError: (error) => void setup.errors.push(error),
    now: () => setup.time,
    clock: () => setup.time,
    ...over,
  })
  const dropped = { get: () => Object.fromEntries(reporter.dropped()) }
  return Object.defineProperties(setup, { reporter: { value: reporter }, dropped })
}

/** Until all that is ready has run. */
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve))

function requestOf(texts: RequestContext): { read(name: RequestContextName): string | undefined } {
  return { read: (name) => texts[name] }
}

describe('which blocked requests are told', () => {
  test.each<[string, Partial<HitReporterOptions>, string, Verdict, string[], Record<string, number>]>([
    ['of our own engine', {}, '1.2.3.4', found({ origin: 'crowdsec' }), ['me/x'], {}],
    ['by hand', {}, '1.2.3.4', found(), ['me/x'], {}],
    ['the community says it', {}, '1.2.3.4', found({ origin: 'CAPI' }), [], { origin: 1 }],
    ['a list says it', {}, '1.2.3.4', found({ origin: 'lists' }), [], { origin: 1 }],
    ['a list, but that is wanted', { origins: ['lists'] }, '1.2.3.4', found({ origin: 'lists' }), ['me/x'], {}],
    ['by hand, but that is not wanted', { origins: ['crowdsec'] }, '1.2.3.4', found(), [], { origin: 1 }],
    ['a scenario unknown to CAPI', {}, '1.2.3.4', found({ scenario: 'manual ban' }), [], { scenario: 1 }],
    [
      'the same, with another in its place',
      { fallbackScenario: 'me/y' },
      '1.2.3.4',
      found({ scenario: 'z' }),
      ['me/y'],
      {},
    ],
    ['a known scenario, with another for the rest', { fallbackScenario: 'me/y' }, '1.2.3.4', found(), ['me/x'], {}],
    ['a failure policy', {}, '1.2.3.4', { action: 'ban', decision: null }, [], { policy: 1 }],
    ['nobody', {}, '1.2.3.4', ALLOWED, [], { policy: 1 }],
    ['a private address', {}, '10.1.2.3', found(), [], { special_address: 1 }],
    ['a mapped private address', {}, '::ffff:192.168.1.1', found(), [], { special_address: 1 }],
    ['loopback', {}, '::1', found(), [], { special_address: 1 }],
    ['no address', {}, 'unknown', found(), [], { special_address: 1 }],
    ['on the allowlist', {}, '8.8.8.8', found(), [], { allowlist: 1 }],
    ['an address of IPv6', {}, '2606:4700:0::1', found(), ['me/x'], {}],
  ])('%s', async (_, options, address, verdict, scenarios, dropped) => {
    const setup = setUp(options)
    setup.reporter.blocked({ address, verdict, action: 'ban', request: null })
    await setup.reporter.flush()
    expect(setup.told.map(({ scenario }) => scenario)).toEqual(scenarios)
    expect(setup.dropped).toEqual(dropped)
    expect(setup.warnings).toEqual(dropped['scenario'] === 1 ? ['CSB_REPORT_SCENARIO'] : [])
  })
})

it('tells hits of one address and scenario as one signal', async () => {
  const setup = setUp()
  const { reporter } = setup
  const hit = (path: string) => {
    const request = requestOf({ method: 'GET', path, user_agent: 'bot/1', status: '403', query: 'secret=1' })
    reporter.blocked({ address: '::ffff:1.2.3.4', verdict: found({ action: 'captcha' }), action: 'ban', request })
  }
  hit('/a')
  setup.time += 30_000
  reporter.tick()
  hit('/b')
  hit('/a')
  setup.time += 10_000
  await reporter.flush()
  expect(setup.told).toEqual([
    {
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      message: 'Ip 1.2.3.4 got a ban by a decision of cscli (3 requests over 30s)',
      scenario: 'me/x',
      scenario_hash: '',
      scenario_version: '',
      scenario_trust: 'manual',
      source: { scope: 'ip', value: '1.2.3.4', ip: '1.2.3.4' },
      created_at: '2026-01-02T03:04:45.000Z',
      start_at: '2026-01-02T03:04:05.000Z',
      stop_at: '2026-01-02T03:04:35.000Z',
      context: [
        { key: 'hits', value: '3' },
        { key: 'action', value: 'ban' },
        { key: 'decision_origin', value: 'cscli' },
        { key: 'decision_type', value: 'captcha' },
        { key: 'method', value: 'GET' },
        { key: 'target_uri', value: '/a' },
        { key: 'target_uri', value: '/b' },
        { key: 'user_agent', value: 'bot/1' },
        { key: 'status', value: '403' },
      ],
      decisions: [],
    },
  ])
})

describe('the end of a window', () => {
  it('comes by itself, and a hit after it is in the next one', async () => {
    const setup = setUp({ window: 3000 })
    const { reporter } = setup
    const blocked = () => reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request: null })
    blocked()
    for (let second = 0; second < 2; second++) reporter.tick()
    blocked()
    expect(setup.told).toHaveLength(0)
    reporter.tick()
    blocked()
    await reporter.flush()
    expect(setup.told.map(({ context }) => context[0])).toEqual([
      { key: 'hits', value: '2' },
      { key: 'hits', value: '1' },
    ])
  })

  it('comes a whole window after the last one, also where that ended early', async () => {
    const setup = setUp({ window: 3000 })
    const { reporter } = setup
    const blocked = () => reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request: null })
    for (let second = 0; second < 3; second++) reporter.tick()
    blocked()
    for (let second = 0; second < 2; second++) reporter.tick()
    await reporter.flush()
    expect(setup.told).toHaveLength(1)
    blocked()
    for (let second = 0; second < 2; second++) reporter.tick()
    await turn()
    expect(setup.told).toHaveLength(1)
    reporter.tick()
    await turn()
    expect(setup.told).toHaveLength(2)
  })

  it('comes on time once it was started, and not after the end', async () => {
    vi.useFakeTimers({ now: NOW })
    onTestFinished(() => void vi.useRealTimers())
    const setup = setUp({ now: Date.now })
    const { reporter } = setup
    reporter.start()
    reporter.report({ address: '1.2.3.4', scenario: 'me/x' })
    await vi.advanceTimersByTimeAsync(59_999)
    expect(setup.told).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(setup.told).toMatchObject([{ created_at: '2026-01-02T03:05:05.000Z' }])
    await reporter.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('keeps no process alive', async () => {
    const set = vi.spyOn(globalThis, 'setInterval')
    onTestFinished(() => set.mockRestore())
    const { reporter } = setUp()
    reporter.start()
    expect(set.mock.results.map(({ value }) => value.hasRef())).toEqual([false])
    await reporter.stop()
  })

  it('tells once how many hits found no room', async () => {
    const setup = setUp({ maxEntries: 2 })
    for (let i = 1; i < 9; i++) {
      setup.reporter.blocked({ address: `1.2.3.${i}`, verdict: found(), action: 'ban', request: null })
    }
    await setup.reporter.flush()
    expect(setup.told).toHaveLength(2)
    expect(setup.dropped).toEqual({ no_room: 6 })
    expect(setup.lines).toEqual([expect.stringContaining('6 hits of one window are not told')])
  })
})

describe('an outbox that cannot be written', () => {
  it('is tried again later, and each signal keeps its uuid', async () => {
    const setup = setUp({ window: 1000 })
    const { reporter } = setup
    setup.failure = new Error('locked')
    reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request: null })
    await expect(reporter.flush()).rejects.toThrow('locked')
    expect(reporter.pending).toBe(1)
    setup.time += 400
    reporter.tick() // too early
    await turn()
    expect(setup.errors).toEqual([])
    setup.time += 600
    reporter.tick()
    await expect.poll(() => setup.errors).toHaveLength(1)
    expect(setup.lines).toEqual(['1 signals wait in memory, since they could not be stored: locked'])
    setup.failure = null
    setup.time += 120_000
    reporter.tick()
    await expect.poll(() => setup.told).toHaveLength(1)
    await expect.poll(() => setup.lines.at(-1)).toBe('Signals can be stored again')
    expect([reporter.pending, reporter.stored]).toEqual([0, 1])
  })

  it('has what it was handed only when it says so, and is not complained of after the end', async () => {
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    const logger = { debug: write, info: write, warn: write, error: write }
    let fail: (error: Error) => void = () => {}
    const add = () => new Promise<never>((_, reject) => { fail = reject }) // biome-ignore format: one line
    const { reporter } = setUp({ window: 1000, add, logger })
    reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request: null })
    reporter.tick()
    expect(reporter.pending).toBe(1)
    const stopped = reporter.stop()
    fail(new Error('locked'))
    await expect(stopped).rejects.toThrow('locked')
    expect(reporter.pending).toBe(1)
    expect(lines).toEqual([])
  })

  it('is tried again a minute later at most, and soon again after it could be written', async () => {
    const setup = setUp({ window: 1000 })
    const { reporter } = setup
    const failsAfter = async (milliseconds: number) => {
      setup.time += milliseconds
      const { length } = setup.errors
      reporter.tick()
      await turn()
      return setup.errors.length > length
    }
    const report = () => reporter.report({ address: '1.2.3.4', scenario: 'me/x' })
    setup.failure = new Error('locked')
    report()
    for (let nth = 0; nth < 20; nth++) expect(await failsAfter(60_000)).toBe(true)
    expect(await failsAfter(29_000)).toBe(false)
    setup.failure = null
    await reporter.flush()
    setup.failure = new Error('locked again')
    report()
    expect([await failsAfter(0), await failsAfter(400), await failsAfter(600)]).toEqual([true, false, true])
  })

  it('for long: what comes meanwhile waits within the bound, and the failure is told once', async () => {
    const fails: ((error: Error) => void)[] = []
    const add = () => new Promise<never>((_, reject) => fails.push(reject))
    const setup = setUp({ window: 1000, maxEntries: 2, add })
    const { reporter } = setup
    for (let i = 1; i <= 4; i++) {
      reporter.report({ address: `1.2.3.${i}`, scenario: 'me/x' })
      if (i % 2 === 0) reporter.tick()
    }
    reporter.tick()
    expect(fails).toHaveLength(1)
    fails[0](new Error('locked'))
    await turn()
    expect(setup.errors).toHaveLength(1)
    expect([reporter.pending, setup.dropped]).toEqual([2, { storage: 2 }])
  })

  it('gets signals in small parts, in the order of the first hits, and the event loop turns in between', async () => {
    let isFailing = true
    const parts: string[][] = []
    let turns = 0
    const count = () => {
      turns++
      if (parts.length < 4) setImmediate(count)
    }
    const { reporter } = setUp({
      add: async (drafts) => {
        parts.push(drafts.map(({ source }) => source.value))
        if (isFailing) throw new Error('locked')
        return { added: drafts.length, known: 0, dropped: 0 }
      },
    })
    const addresses = Array.from({ length: 250 }, (_, i) => `1.2.3.${i}`)
    for (const address of addresses) reporter.report({ address, scenario: 'me/x' })
    await expect(reporter.flush()).rejects.toThrow('locked')
    isFailing = false
    count()
    await reporter.flush()
    expect(parts.map(({ length }) => length)).toEqual([100, 100, 100, 50])
    expect(parts.slice(1).flat()).toEqual(addresses)
    expect(turns).toBeGreaterThanOrEqual(3)
  })

  it('an answer that was lost makes no second signal', async () => {
    const uuids: string[] = []
    let isLost = true
    const setup = setUp({
      add: async (drafts) => {
        uuids.push(...drafts.map(({ uuid }) => uuid))
        if (isLost) throw new Error('connection lost after the commit')
        return { added: 0, known: drafts.length, dropped: 0 }
      },
    })
    setup.reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request: null })
    await expect(setup.reporter.flush()).rejects.toThrow('lost')
    isLost = false
    await setup.reporter.flush()
    expect(uuids).toHaveLength(2)
    expect(uuids[0]).toBe(uuids[1])
  })

  it('keeps so many, and drops the oldest', async () => {
    const setup = setUp({ maxEntries: 3 })
    setup.failure = new Error('full disk')
    for (let i = 1; i <= 5; i++) {
      setup.reporter.blocked({ address: `1.2.3.${i}`, verdict: found(), action: 'ban', request: null })
      await expect(setup.reporter.flush()).rejects.toThrow('full disk')
    }
    setup.failure = null
    await setup.reporter.flush()
    expect(setup.told.map(({ source }) => source.value)).toEqual(['1.2.3.3', '1.2.3.4', '1.2.3.5'])
    expect(setup.dropped).toEqual({ storage: 2 })
  })

  it('that is full is counted', async () => {
    const setup = setUp({ add: async (drafts) => ({ added: 0, known: 0, dropped: drafts.length }) })
    setup.reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request: null })
    await setup.reporter.flush()
    expect(setup.dropped).toEqual({ outbox: 1 })
  })
})

describe('redact', () => {
  const request = requestOf({ method: 'GET', path: '/users/bob', user_agent: 'bot', status: '403', cookies: 'a=b' })

  test.each<[string, (context: RequestContext) => unknown, string[]]>([
    ['less', ({ method }) => ({ method }), ['method=GET']],
    ['changed', (context) => ({ ...context, path: '/users/:name' }), ['method=GET', 'target_uri=/users/:name', 'user_agent=bot', 'status=403']],
    ['no more than was asked for', () => ({ cookies: 'a=b', password: 'x', path: '/' }), ['target_uri=/']],
    ['no text', () => ({ path: 7, method: { toString: () => 'x' } }), []],
    ['nothing, by mistake', () => undefined, []],
    ['a throw', () => { throw new Error('bug') }, []],
    ['a throw when read', () => ({ get path(): string { throw new Error('bug') } }), []],
  ])('%s', async (_, redact, expected) => {
    const setup = setUp({ redact: redact as (context: RequestContext) => RequestContext })
    setup.reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request })
    await setup.reporter.flush()
    const [signal] = setup.told
    expect(signal.context.slice(4).map(({ key, value }) => `${key}=${value}`)).toEqual(expected)
    expect(setup.warnings).toEqual(/mistake|throw/.test(_) ? ['CSB_REDACT'] : [])
  }) // biome-ignore format: a table

  it('null leaves the hit out', async () => {
    const setup = setUp({ redact: ({ path }) => (path === '/users/bob' ? null : {}) })
    setup.reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request })
    await setup.reporter.flush()
    expect([setup.told, setup.dropped]).toEqual([[], { redacted: 1 }])
  })
})

it('a request that cannot be read does no harm', async () => {
  const setup = setUp()
  const request = {
    read() {
      throw new Error('gone')
    },
  }
  setup.reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request })
  expect(setup.dropped).toEqual({ failed: 1 })
  expect(setup.warnings).toEqual(['CSB_REPORT'])
})

describe('signals of the user’s own', () => {
  const good = { address: '1.2.3.4', scenario: 'me/x' }

  test.each<[OwnSignal | unknown, string]>([
    [{ ...good, address: 'localhost' }, 'ERR_CSB_BAD_ADDRESS: address: expected an IP address, got "localhost"'],
    [{ ...good, address: undefined }, 'ERR_CSB_BAD_ADDRESS: address: expected an IP address, got undefined'],
    [{ ...good, scenario: 'me/z' }, 'ERR_CSB_SIGNAL: scenario: expected one of capiScenarios (me/x, me/y), got "me/z"'],
    [{ ...good, message: 7 }, 'ERR_CSB_SIGNAL: message: expected a text, got a number'],
    [{ ...good, at: 'now' }, 'ERR_CSB_SIGNAL: at: expected a Date or Unix milliseconds, got "now"'],
    [
      { ...good, at: new Date(Number.NaN) },
      'ERR_CSB_SIGNAL: at: expected a Date or Unix milliseconds, got an invalid Date',
    ],
    [{ ...good, at: -1 }, 'ERR_CSB_SIGNAL: at: expected a Date or Unix milliseconds, got a number'],
    [{ ...good, at: 8.64e15 }, 'ERR_CSB_SIGNAL: at: expected a Date or Unix milliseconds, got a number'],
    [{ ...good, context: 'bob' }, 'ERR_CSB_SIGNAL: context: expected an object with texts, got "bob"'],
    [{ ...good, context: ['bob'] }, 'ERR_CSB_SIGNAL: context: expected an object with texts, got a object'],
    [{ ...good, context: { user: 7 } }, 'ERR_CSB_SIGNAL: context.user: expected a text, got a number'],
    [{ ...good, context: { '': 'x' } }, 'ERR_CSB_SIGNAL: context.: expected a text, got "x"'],
    [{ ...good, foo: 1 }, 'ERR_CSB_SIGNAL: foo: unknown field'],
    [{ ...good, mesage: 'x' }, 'ERR_CSB_SIGNAL: mesage: unknown field; did you mean message?'],
    [null, 'ERR_CSB_SIGNAL: signal: expected an object, got null'],
  ])('%j is refused', (signal, expected) => {
    const { reporter } = setUp()
    const report = () => reporter.report(signal as OwnSignal)
    expect(report).toThrow(expect.objectContaining({ code: expected.split(': ')[0] }))
    expect(report).toThrow(expected.slice(expected.indexOf(': ') + 2))
    expect(reporter.pending).toBe(0)
  })

  it('are added up beside those of decisions', async () => {
    const setup = setUp()
    const { reporter } = setup
    reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request: null })
    for (const name of ['bob', 'alice', 'bob']) reporter.report({ ...good, context: { user: name, path: '/login' } })
    reporter.report({ ...good, message: 'again', at: new Date(NOW - 4500) })
    reporter.report({ ...good, scenario: 'me/y', message: 'Into the honey', at: NOW - 90_000 })
    await reporter.flush()
    const [blocked, own, honey] = setup.told
    expect(blocked.message).toBe('Ip 1.2.3.4 got a ban by a decision of cscli (1 request)')
    expect(own).toMatchObject({
      message: "Ip 1.2.3.4 performed 'me/x' (4 events over 5s)",
      start_at: '2026-01-02T03:04:00.500Z',
      stop_at: '2026-01-02T03:04:05.000Z',
      context: [
        { key: 'hits', value: '4' },
        { key: 'user', value: 'bob' },
        { key: 'user', value: 'alice' },
        { key: 'path', value: '/login' },
      ],
    })
    expect(honey).toMatchObject({ message: 'Into the honey', scenario: 'me/y', start_at: '2026-01-02T03:02:35.000Z' })
  })

  test.each([
    ['long', 'x'.repeat(5000), 'x'.repeat(500)],
    ['cut within a character', `${'x'.repeat(499)}\u{1f600}`, `${'x'.repeat(499)}\ufffd`],
    ['with what PostgreSQL refuses', 'a\0b\ud800', 'a\ufffdb\ufffd'],
  ])('have a message that can be stored: %s', async (_, message, told) => {
    const setup = setUp()
    setup.reporter.report({ ...good, message, context: { user: undefined } })
    await setup.reporter.flush()
    expect(setup.told).toMatchObject([{ message: told, context: [{ key: 'hits' }] }])
  })

  it('on private and allowlisted addresses are passed over', async () => {
    const setup = setUp()
    setup.reporter.report({ ...good, address: '127.0.0.1' })
    setup.reporter.report({ ...good, address: '8.8.8.8' })
    await setup.reporter.flush()
    expect([setup.told, setup.dropped]).toEqual([[], { special_address: 1, allowlist: 1 }])
  })
})

it('a flush takes along what came since one that is under way looked', async () => {
  const { reporter } = setUp()
  const first = reporter.flush()
  reporter.report({ address: '1.2.3.4', scenario: 'me/x' })
  await reporter.flush()
  expect([reporter.pending, reporter.stored]).toEqual([0, 1])
  await first
})

it('what comes while the last hits are stored is counted', async () => {
  const setup = setUp({
    add: async (drafts) => {
      reporter.report({ address: '1.2.3.5', scenario: 'me/x' })
      return { added: drafts.length, known: 0, dropped: 0 }
    },
  })
  const { reporter } = setup
  reporter.report({ address: '1.2.3.4', scenario: 'me/x' })
  await reporter.stop()
  expect([reporter.pending, setup.dropped]).toEqual([0, { stopped: 1 }])
})

it('after the end nothing is taken, and nothing is thrown', async () => {
  const setup = setUp()
  const { reporter } = setup
  reporter.start()
  reporter.report({ address: '1.2.3.4', scenario: 'me/x' })
  await reporter.stop()
  expect(setup.told).toHaveLength(1)
  reporter.report({ address: '1.2.3.4', scenario: 'me/x' })
  reporter.blocked({ address: '1.2.3.4', verdict: found(), action: 'ban', request: null })
  expect([reporter.pending, setup.dropped]).toEqual([0, { stopped: 2 }])
})
