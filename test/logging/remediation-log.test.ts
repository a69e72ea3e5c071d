import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RemediationLog } from '../../src/remediation/remediation-log.js'
import { memoryLogger } from '../server/service.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const found = {
  action: 'captcha',
  decision: { id: 1, origin: 'CAPI', type: 'captcha', scope: 'Ip', value: '::1', scenario: 'http-bf', until: '' },
}

function start() {
  const logger = memoryLogger()
  const log = new RemediationLog(logger)
  const note = (address = '::1', isDryRun = false) => log.note({ address, verdict: found, action: 'ban', isDryRun })
  return { logger, log, note }
}

describe('a remediation', () => {
  it('is one line with address, what was done, origin and scenario', () => {
    const { logger, note } = start()
    note('203.0.113.7')
    expect(logger.lines).toEqual(['203.0.113.7 gets a ban by CAPI, http-bf'])
  })

  it('says that it was a dry run', () => {
    const { logger, note } = start()
    note('203.0.113.7', true)
    expect(logger.lines).toEqual(['203.0.113.7 would get a ban (dry run) by CAPI, http-bf'])
  })

  it('says that no decision stands behind it', () => {
    const { logger, log } = start()
    log.note({ address: '', verdict: { action: 'ban', decision: null }, action: 'ban', isDryRun: false })
    expect(logger.lines).toEqual([' gets a ban by a failure policy'])
  })

  it('has fields where the logger takes them', () => {
    const records: unknown[] = []
    const logger = { ...memoryLogger(), remediation: (...record: unknown[]) => void records.push(record) }
    new RemediationLog(logger).note({ address: '::1', verdict: found, action: 'ban', isDryRun: true })
    const fields = { address: '::1', action: 'ban', origin: 'CAPI', scenario: 'http-bf', dryRun: true }
    expect(records).toEqual([[fields, '::1 would get a ban (dry run) by CAPI, http-bf']])
    expect(logger.lines).toEqual([])
  })
})

describe('a flood', () => {
  it('is ten lines a second and one with what was left out', () => {
    const { logger, note } = start()
    for (let i = 0; i < 1000; i++) note()
    expect(logger.lines).toHaveLength(10)
    vi.advanceTimersByTime(1000)
    expect(logger.lines.slice(10)).toEqual(['990 more remediations within a second are left out of the log'])
    for (let i = 0; i < 11; i++) note()
    vi.advanceTimersByTime(1000)
    expect(logger.lines).toHaveLength(11 + 10 + 1)
    expect(logger.lines.at(-1)).toMatch(/^1 more/)
  })

  it('of ten is told in full, and quiet seconds say nothing', () => {
    const { logger, note } = start()
    for (let i = 0; i < 10; i++) note()
    vi.advanceTimersByTime(10_000)
    expect(logger.lines).toHaveLength(10)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that the end interrupts is counted too', () => {
    const { logger, log, note } = start()
    for (let i = 0; i < 15; i++) note()
    log.end()
    expect(logger.lines.at(-1)).toMatch(/^5 more/)
    expect(vi.getTimerCount()).toBe(0)
  })
})
