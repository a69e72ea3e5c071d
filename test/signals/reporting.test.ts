/** What a bouncer does by itself with the signals of blocked requests: when it stores and sends them, what it tells of it, and its end. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { BouncerError } from '../../src/errors.js'
import { silentLogger } from '../../src/logger.js'
import { HitReporter } from '../../src/signals/hits/hit-reporter.js'
import { Reporting, type ReportingOptions } from '../../src/signals/reporting.js'
import type { SendReport, SendRequest } from '../../src/signals/sending/signal-sender.js'

const MINUTE = 60_000
const BUSY = new BouncerError('ERR_CSB_STORAGE', 'the database is locked')
const nothing: SendReport = { sent: 0, quarantined: 0, remaining: 0, failures: [] }

beforeEach(() => {
  vi.useFakeTimers()
  return () => void vi.useRealTimers()
})

interface Setup {
  readonly reporting: Reporting
  readonly lines: string[]
  readonly errors: Error[]
  /** How many signals are in the outbox. */
  stored(): number
  hit(address?: string): void
}

function setUp(over: Partial<ReportingOptions> = {}, add?: () => Promise<never>): Setup {
  const lines: string[] = []
  const errors: Error[] = []
  const onError = (error: Error) => void errors.push(error)
  const write = (line: string) => void lines.push(line)
  const logger = { ...silentLogger, info: write, warn: write, error: write }
  const reporter = new HitReporter({
    scenarios: ['me/x'],
    fallbackScenario: null,
    origins: [],
    context: [],
    redact: null,
    isAllowlisted: () => false,
    window: MINUTE,
    add: add ?? (async (drafts) => ({ added: drafts.length, known: 0, dropped: 0 })),
    logger,
    warnOnce: () => {},
    onError,
  })
  const send = async () => nothing
  const warnOnce = (code: string, message: string) => write(`${code}: ${message}`)
  const reporting = new Reporting({ reporter, send, interval: 10 * MINUTE, logger, onError, warnOnce, ...over })
  const hit = (address = '1.2.3.4') => reporter.report({ address, scenario: 'me/x' })
  return { reporting, lines, errors, stored: () => reporter.stored, hit }
}

/** The schedule is loaded when it is started, which no clock brings about. */
async function start({ reporting }: Setup): Promise<void> {
  const timers = vi.getTimerCount()
  reporting.start()
  await vi.waitUntil(() => vi.getTimerCount() >= timers + 2)
}

describe('once started', () => {
  it('stores at the end of each window, and sends after each interval', async () => {
    const requests: SendRequest[] = []
    const send = async (request: SendRequest) => {
      requests.push(request)
      return nothing
    }
    const setup = setUp({ send })
    await start(setup)
    setup.hit()
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(setup.stored()).toBe(1)
    await vi.advanceTimersByTimeAsync(9 * MINUTE)
    expect(requests).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(60 * MINUTE)
    expect(requests).toHaveLength(7)
    await setup.reporting.stop()
    expect(requests).toHaveLength(8)
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(60 * MINUTE)
    expect(requests).toHaveLength(8)
  })

  it('tells a failure once, and hears of each', async () => {
    let isFailing = true
    const send = async () => {
      if (isFailing) throw BUSY
      return nothing
    }
    const setup = setUp({ send })
    await start(setup)
    await vi.advanceTimersByTimeAsync(30 * MINUTE)
    expect(setup.errors).toEqual([BUSY, BUSY, BUSY])
    const line = 'Signals could not be sent and stay in the outbox: the database is locked'
    expect(setup.lines).toEqual([line])
    isFailing = false
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    isFailing = true
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    expect(setup.lines).toEqual([line, line])
    isFailing = false
    await setup.reporting.stop()
  })
})

describe('a send', () => {
  it('is counted with those before, and each machine that failed is told', async () => {
    const error = new BouncerError('ERR_CSB_CONNECT', 'nobody answers')
    const reports: SendReport[] = [
      { ...nothing, sent: 3, quarantined: 2 },
      { sent: 4, quarantined: 1, remaining: 5, failures: [{ machineId: 'm1', error }] },
    ]
    const { reporting, errors } = setUp({ send: async () => reports.shift() ?? nothing })
    expect(await reporting.send()).toMatchObject({ sent: 3 })
    expect(errors).toEqual([])
    expect(await reporting.send()).toMatchObject({ sent: 4, failures: [{ machineId: 'm1' }] })
    expect(errors).toEqual([error])
    expect(reporting.stats()).toEqual({ pending: 0, stored: 0, sent: 7, rejected: 3, dropped: {} })
  })

  it('waits for the one before, and does not fail with it', async () => {
    const ends: ((error?: Error) => void)[] = []
    const send = () => new Promise<SendReport>((resolve, reject) => ends.push((error) => error ? reject(error) : resolve(nothing))) // biome-ignore format: one line
    const { reporting } = setUp({ send })
    const [first, second] = [reporting.send(), reporting.send()]
    await vi.advanceTimersByTimeAsync(0)
    expect(ends).toHaveLength(1)
    ends[0](BUSY)
    await expect(first).rejects.toBe(BUSY)
    await vi.advanceTimersByTimeAsync(0)
    expect(ends).toHaveLength(2)
    ends[1]()
    expect(await second).toBe(nothing)
  })
})

describe('the end', () => {
  it('says nothing where nothing is lost', async () => {
    const setup = setUp()
    await start(setup)
    setup.hit()
    await setup.reporting.stop()
    expect([setup.stored(), setup.lines, setup.errors]).toEqual([1, [], []])
  })

  it.each([
    ['the storage takes none', async () => Promise.reject(BUSY), 'are lost: the database is locked', 0],
    [
      'the storage hangs',
      () => new Promise<never>(() => {}),
      'are lost or not known to be stored: the storage did not answer in time',
      1750,
    ],
  ])('tells how many signals are lost, and why: %s', async (_, add, why, after) => {
    const setup = setUp({}, add)
    setup.hit()
    setup.hit('1.2.3.5')
    const began = Date.now()
    let ended = Number.NaN
    const stopping = setup.reporting.stop().then(() => {
      ended = Date.now() - began
    })
    await vi.advanceTimersByTimeAsync(3000)
    await stopping
    expect([setup.lines, ended]).toEqual([[`2 signals ${why}`], after])
    expect(vi.getTimerCount()).toBe(0)
  })
})
