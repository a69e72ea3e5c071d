import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HealthWatch, type HealthWatchOptions } from '../src/health-watch.js'
import { silentLogger } from '../src/logger.js'
import { SourceAccount } from '../src/sources/source-account.js'

let told: string[]
const watches: HealthWatch[] = []

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] })
  told = []
})

afterEach(() => {
  for (const watch of watches.splice(0)) watch.stop()
  vi.useRealTimers()
})

function watch(accounts: readonly SourceAccount[], options: Partial<HealthWatchOptions> = {}): HealthWatch {
  const all: HealthWatchOptions = {
    notReadyAction: 'captcha',
    stalenessAction: 'ban',
    logger: silentLogger,
    ...options,
  }
  const one = new HealthWatch(accounts, all, (cause, action) =>
    told.push(cause === null ? 'fine' : `${cause} ${action}`),
  )
  watches.push(one)
  one.start()
  return one
}

function synced(name: string, delivers?: 'on change'): SourceAccount {
  const account = new SourceAccount(name, delivers)
  account.noteSync('replaced')
  return account
}

describe('readiness', () => {
  it('is there where there is nothing to wait for', () => {
    watch([])
    expect(told).toEqual([])
  })

  it('is not there until every source has delivered all, and is told once', () => {
    const [one, other] = [new SourceAccount('one'), new SourceAccount('other')]
    const health = watch([one, other])
    expect(told).toEqual(['not_ready captcha'])
    one.noteSync('replaced')
    health.look()
    other.noteSync('changed')
    health.look()
    other.noteFailure(new Error('down'))
    health.look()
    expect(told).toEqual(['not_ready captcha'])
    other.noteSync('replaced')
    health.look()
    health.look()
    expect(told).toEqual(['not_ready captcha', 'fine'])
  })
})

describe('staleness', () => {
  it('begins by itself when a source is silent for too long, and ends with its next success', () => {
    const [one, other] = [synced('one'), synced('other')]
    const health = watch([one, other], { maxStaleness: 60_000 })
    for (let i = 0; i < 59; i++) {
      vi.advanceTimersByTime(1000)
      one.noteSync('changed')
    }
    expect(told).toEqual([])
    vi.advanceTimersByTime(2000)
    expect(told).toEqual(['stale ban'])
    vi.advanceTimersByTime(600_000)
    expect(told).toEqual(['stale ban'])
    other.noteSync('changed')
    one.noteSync('changed')
    health.look()
    expect(told).toEqual(['stale ban', 'fine'])
  })

  it('is nobody’s trouble where no limit is set', () => {
    watch([synced('one')])
    vi.advanceTimersByTime(1_000_000_000)
    expect(told).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is seen in time where the limit is short', () => {
    watch([synced('one')], { maxStaleness: 100 })
    vi.advanceTimersByTime(250)
    expect(told).toEqual(['stale ban'])
  })

  it('does not hide that a source has never delivered', () => {
    watch([synced('one'), new SourceAccount('other')], { maxStaleness: 1000 })
    vi.advanceTimersByTime(60_000)
    expect(told).toEqual(['not_ready captcha'])
  })

  it('of a source that tells only changes counts from its failure on', () => {
    const file = synced('file', 'on change')
    const health = watch([file], { maxStaleness: 60_000 })
    vi.advanceTimersByTime(3_600_000)
    expect(told).toEqual([])
    file.noteFailure(new Error('gone'))
    vi.advanceTimersByTime(50_000)
    file.noteFailure(new Error('still gone'))
    expect(told).toEqual([])
    vi.advanceTimersByTime(11_000)
    expect(told).toEqual(['stale ban'])
    file.noteSync('replaced')
    health.look()
    expect(told).toEqual(['stale ban', 'fine'])
  })

  it('is logged when it begins and when it ends', () => {
    const lines: string[] = []
    const logger = {
      ...silentLogger,
      info: (line: string) => lines.push(line),
      warn: (line: string) => lines.push(line),
    }
    const one = synced('one')
    const health = watch([one], { maxStaleness: 1000, logger })
    vi.advanceTimersByTime(5000)
    one.noteSync('changed')
    health.look()
    expect(lines).toEqual([
      'The last good sync is older than maxStaleness; stalenessAction: ban',
      'The last good sync is younger than maxStaleness again',
    ])
  })
})

it('leaves no timer, and may be started and stopped twice', () => {
  const health = watch([synced('one')], { maxStaleness: 1000 })
  health.start()
  expect(vi.getTimerCount()).toBe(1)
  health.stop()
  health.stop()
  expect(vi.getTimerCount()).toBe(0)
})
