/** What the source makes of a LAPI that does not work: what it asks for next, how long it waits, and what stays in force meanwhile. */

import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { BodyShape, Fault } from '../../src/testing/index.js'
import { steppedLapi } from './stepped-lapi.js'

const shapes: readonly BodyShape[] = ['1.4.6', '1.7.8']
const BANS = ['192.0.2.1', '192.0.2.2', '192.0.2.3'] as const

/** Whether the LAPI may have counted as delivered what never arrived decides what comes next. */
const faults: readonly (readonly [name: string, fault: Fault, code: string, next: 'startup' | 'delta'])[] = [
  ['a reset', { kind: 'down' }, 'ERR_CSB_CONNECTION_LOST', 'startup'],
  ['a head without a body', { kind: 'cut', afterBytes: 0 }, 'ERR_CSB_CONNECTION_LOST', 'startup'],
  ['an answer that is too late', { kind: 'slow', ms: 400 }, 'ERR_CSB_TIMEOUT', 'startup'],
  ['an answer that stops coming', { kind: 'stall', afterBytes: 60 }, 'ERR_CSB_TIMEOUT', 'startup'],
  ['no JSON', { kind: 'garbage', body: 'ceci n’est pas du JSON' }, 'ERR_CSB_LAPI_BODY', 'startup'],
  ['nothing', { kind: 'garbage', body: '' }, 'ERR_CSB_LAPI_BODY', 'startup'],
  ['half a document', { kind: 'garbage', body: '{"new":[{"id":5,' }, 'ERR_CSB_LAPI_BODY', 'startup'],
  ['another document', { kind: 'garbage', body: '[{"id":5}]' }, 'ERR_CSB_LAPI_BODY', 'startup'],
  ['the page of a captive portal', { kind: 'html' }, 'ERR_CSB_LAPI_BODY', 'startup'],
  ['the 502 of a proxy', { kind: 'html', status: 502 }, 'ERR_CSB_LAPI_STATUS', 'startup'],
  ['the 504 of a proxy', { kind: 'html', status: 504 }, 'ERR_CSB_LAPI_STATUS', 'startup'],
  ['401', { kind: 'status', status: 401 }, 'ERR_CSB_LAPI_AUTH', 'startup'],
  ['403', { kind: 'status', status: 403 }, 'ERR_CSB_LAPI_AUTH', 'startup'],
  ['500', { kind: 'status', status: 500 }, 'ERR_CSB_LAPI_STATUS', 'delta'],
  ['503', { kind: 'status', status: 503 }, 'ERR_CSB_LAPI_STATUS', 'delta'],
  ['429', { kind: 'status', status: 429 }, 'ERR_CSB_LAPI_STATUS', 'delta'],
  ['404', { kind: 'status', status: 404 }, 'ERR_CSB_LAPI_STATUS', 'delta'],
  ['301', { kind: 'status', status: 301, headers: { Location: '/elsewhere' } }, 'ERR_CSB_LAPI_STATUS', 'delta'],
  ['204', { kind: 'status', status: 204, body: '' }, 'ERR_CSB_LAPI_STATUS', 'delta'],
]

describe.each(shapes)('on LAPI %s, after', (bodyShape) => {
  it.each(faults)('%s', async (_name, fault, code, next) => {
    // Short only where it is to be over: on a busy machine other answers take longer.
    const deltaPullTimeout = code === 'ERR_CSB_TIMEOUT' ? 200 : 5000
    const { lapi, stepped } = await steppedLapi({ bodyShape }, { deltaPullTimeout })
    lapi.add({ value: BANS[0], duration: '4h' })
    lapi.add({ value: BANS[1], duration: '4h' })
    await stepped.pull()
    lapi.add({ value: BANS[2], duration: '4h' })
    lapi.delete({ value: BANS[1] })
    lapi.fault(fault, { times: 1 })
    expect(await stepped.pull()).toBe(`delta: ${code}`)
    expect(stepped.actions(BANS[0])).toBe('ban')
    expect(stepped.bouncer.stats().sources[0]).toMatchObject({ state: 'failing', failures: 1 })
    expect(await stepped.pull()).toBe(`${next}: ${next === 'startup' ? 'replaced' : 'changed'}`)
    expect(stepped.actions(...BANS)).toBe('ban allow ban')
    expect(stepped.bouncer.stats().sources[0]).toMatchObject({ state: 'synced', lastError: null })
  })

  it('a cut at any byte of a delta, nothing is lost', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    lapi.add({ value: BANS[0], duration: '4h' })
    lapi.add({ value: BANS[1], duration: '4h' })
    await stepped.pull()
    for (let afterBytes = 0; afterBytes <= 360; afterBytes += 9) {
      const fresh = `10.0.${afterBytes >> 8}.${afterBytes & 255}`
      lapi.add({ value: fresh, duration: '4h' })
      lapi.delete({ value: BANS[1] })
      lapi.fault({ kind: 'cut', afterBytes }, { times: 1 })
      expect(await stepped.pull(), `cut after ${afterBytes}`).toBe('delta: ERR_CSB_CONNECTION_LOST')
      expect(stepped.actions(BANS[0])).toBe('ban')
      expect(await stepped.pull(), `cut after ${afterBytes}`).toBe('startup: replaced')
      expect(stepped.actions(fresh, BANS[1]), `cut after ${afterBytes}`).toBe('ban allow')
      lapi.add({ value: BANS[1], duration: '4h' })
      await stepped.pull()
    }
  })

  it('a cut at any byte of a full answer, the old set stays until there is a new one', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape }, { resyncInterval: 0 })
    for (const value of BANS) lapi.add({ value, duration: '4h' })
    await stepped.pull()
    for (let afterBytes = 0; afterBytes <= 360; afterBytes += 9) {
      lapi.fault({ kind: 'cut', afterBytes }, { times: 1 })
      expect(await stepped.pull(), `cut after ${afterBytes}`).toBe('startup: ERR_CSB_CONNECTION_LOST')
      expect(stepped.actions(...BANS), `cut after ${afterBytes}`).toBe('ban ban ban')
    }
    expect(await stepped.pull()).toBe('startup: replaced')
  })

  it('an outage, changes go on where they stopped', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    lapi.add({ value: BANS[0], duration: '4h' })
    lapi.add({ value: BANS[1], duration: '4h' })
    await stepped.pull()
    await lapi.down()
    lapi.add({ value: BANS[2], duration: '4h' })
    lapi.delete({ value: BANS[1] })
    for (let i = 0; i < 3; i++) expect(await stepped.pull()).toBe('no request: ERR_CSB_CONNECT')
    expect(stepped.actions(...BANS)).toBe('ban ban allow')
    await lapi.up()
    expect(await stepped.pull()).toBe('delta: changed')
    expect(stepped.actions(...BANS)).toBe('ban allow ban')
  })

  it('a wipe with the keys lost, what is gone vanishes in two steps', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    for (const value of BANS) lapi.add({ value, duration: '4h' })
    await stepped.pull()
    lapi.wipe('lost')
    expect(await stepped.pull()).toBe('delta: ERR_CSB_LAPI_AUTH')
    lapi.addBouncer('again', lapi.apiKey)
    expect(await stepped.pull()).toBe('startup: set aside')
    expect(stepped.actions(...BANS)).toBe('ban ban ban')
    expect(await stepped.pull()).toBe('startup: replaced')
    expect(stepped.actions(...BANS)).toBe('allow allow allow')
  })

  it('the loss of its key, everything is pulled again once the key works', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    lapi.add({ value: BANS[0], duration: '4h' })
    await stepped.pull()
    lapi.removeBouncer('bouncer')
    expect(await stepped.pull()).toBe('delta: ERR_CSB_LAPI_AUTH')
    expect(stepped.actions(BANS[0])).toBe('ban')
    lapi.addBouncer('bouncer', lapi.apiKey)
    expect(await stepped.pull()).toBe('startup: replaced')
  })

  it('a wipe with the keys kept, ids that go back bring a resync', async () => {
    const { lapi, stepped } = await steppedLapi({ bodyShape })
    for (const value of BANS) lapi.add({ value, duration: '4h' })
    await stepped.pull()
    await stepped.pull()
    lapi.wipe()
    lapi.add({ value: '198.51.100.1', duration: '4h' })
    expect(await stepped.pull()).toBe('delta: changed')
    expect(await stepped.pull()).toBe('startup: replaced')
    expect(stepped.actions(...BANS, '198.51.100.1')).toBe('allow allow allow ban')
    for (const value of BANS) {
      lapi.add({ value, duration: '4h' })
      expect(await stepped.pull()).toBe('delta: changed')
    }
    expect(stepped.actions(...BANS)).toBe('ban ban ban')
  })
})

describe('a full answer with fewer decisions than are in force', () => {
  it.each([
    // held, kept, and whether that is believed at once
    [3, 0, 'set aside'],
    [3, 1, 'replaced'],
    [99, 1, 'replaced'],
    [100, 49, 'set aside'],
    [100, 50, 'replaced'],
    [1000, 0, 'set aside'],
    [1000, 499, 'set aside'],
    [1000, 501, 'replaced'],
  ] as const)('%i held, %i come: %s', async (held, keep, outcome) => {
    const { lapi, stepped } = await steppedLapi({}, { resyncInterval: 0 })
    lapi.bulk(held, (index) => ({ value: `10.0.${index >> 8}.${index & 255}`, duration: '4h' }))
    await stepped.pull()
    lapi.fault({ kind: 'truncated', keep }, { times: 1 })
    expect(await stepped.pull()).toBe(`startup: ${outcome}`)
    expect(stepped.bouncer.stats().decisions).toBe(outcome === 'replaced' ? keep : held)
    expect(await stepped.pull()).toBe('startup: replaced')
    expect(stepped.bouncer.stats().decisions).toBe(held)
  })

  it('is believed when a second one says the same', async () => {
    const { lapi, stepped } = await steppedLapi({}, { resyncInterval: 0 })
    lapi.bulk(200, (index) => ({ value: `10.0.0.${index}`, duration: '4h' }))
    await stepped.pull()
    lapi.purge({})
    expect(await stepped.pull()).toBe('startup: set aside')
    expect(stepped.lines.filter((line) => line.includes('only 0 decisions where 200'))).toHaveLength(1)
    expect(stepped.bouncer.stats().decisions).toBe(200)
    expect(await stepped.pull()).toBe('startup: replaced')
    expect(stepped.bouncer.stats().decisions).toBe(0)
  })
})

describe('how long it waits', () => {
  it('doubles with every failure up to a minute, and starts over after a success', async () => {
    const { lapi, stepped } = await steppedLapi({}, { updateFrequency: 100 })
    lapi.fault({ kind: 'status', status: 500 }, { times: 9 })
    for (let i = 0; i < 10; i++) await stepped.pull()
    const steps = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]
    for (const [i, step] of steps.entries()) {
      expect(stepped.waits[i]).toBeGreaterThanOrEqual(step / 2)
      expect(stepped.waits[i]).toBeLessThanOrEqual(step)
    }
    expect(stepped.waits[9]).toBe(100)
    lapi.fault({ kind: 'status', status: 500 }, { times: 1 })
    await stepped.pull()
    expect(stepped.waits[10]).toBeLessThanOrEqual(1000)
  })

  it('never comes sooner than half its update frequency', async () => {
    const { lapi, stepped } = await steppedLapi({}, { updateFrequency: 120_000 })
    lapi.fault({ kind: 'status', status: 500 })
    for (let i = 0; i < 4; i++) await stepped.pull()
    expect(Math.min(...stepped.waits)).toBeGreaterThanOrEqual(60_000)
    expect(Math.max(...stepped.waits)).toBeLessThanOrEqual(120_000)
  })

  it.each([
    [429, '7', 7000],
    [503, '90', 90_000],
    [403, '5', 5000],
  ])('%i with Retry-After: %s', async (status, seconds, wait) => {
    const { lapi, stepped } = await steppedLapi()
    lapi.fault({ kind: 'status', status, headers: { 'Retry-After': seconds } })
    await stepped.pull()
    expect(stepped.waits[0]).toBeGreaterThanOrEqual(wait)
  })

  it('comes at its pace to confirm an unlikely answer', async () => {
    const { lapi, stepped } = await steppedLapi({}, { resyncInterval: 0, updateFrequency: 5000 })
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    await stepped.pull()
    lapi.purge({})
    await stepped.pull()
    expect(stepped.waits).toEqual([5000, 5000])
  })
})

describe('what people are told', () => {
  it('of a wrong key: which option, where to look, and never the key', async () => {
    const apiKey = 'hunter2-hunter2'
    const { stepped } = await steppedLapi({}, { apiKey })
    expect(await stepped.pull()).toBe('startup: ERR_CSB_LAPI_AUTH')
    const [error] = stepped.errors
    expect(error?.message).toMatch(/refuses the key given as api_key \(status 403\).*cscli bouncers list/)
    expect(stepped.bouncer.stats().sources[0]).toMatchObject({ state: 'starting', lastError: error?.message })
    const everything = inspect([error, stepped.lines, stepped.bouncer.stats(), stepped.bouncer], {
      depth: 20,
      showHidden: true,
      getters: true,
    })
    expect(everything).not.toContain(apiKey)
  })

  it('of an error page: its beginning', async () => {
    const { lapi, stepped } = await steppedLapi()
    lapi.fault({ kind: 'html', status: 502 }, { times: 1 })
    await stepped.pull()
    expect(stepped.errors[0]?.message).toContain(`${lapi.url}/ answered with status 502, expected 200`)
    expect(stepped.errors[0]?.message).toContain('Please log in')
    expect(stepped.errors[0]?.message.length).toBeLessThan(400)
  })

  it('of a failure that goes on: once, and that it is over', async () => {
    const { lapi, stepped } = await steppedLapi()
    const stale: string[] = []
    stepped.bouncer.on('stale', ({ source }) => stale.push(source))
    await stepped.pull()
    await lapi.down()
    for (let i = 0; i < 3; i++) await stepped.pull()
    expect(stale).toEqual(['lapi'])
    expect(stepped.errors).toHaveLength(3)
    await lapi.up()
    await stepped.pull()
    expect(stepped.lines.filter((line) => line.includes('in sync'))).toHaveLength(2)
  })
})
