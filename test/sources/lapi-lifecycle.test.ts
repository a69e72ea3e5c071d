/** The LAPI path as users get it, from createBouncer with real timers: where it connects, how it starts and how it stops. */

import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Bouncer, type BouncerEvents, type BouncerOptions, createBouncer } from '../../src/index.js'
import { FakeLapi, type FakeLapiOptions } from '../../src/testing/index.js'
import { canHang, hangingPort } from '../http/hanging-port.js'

async function startLapi(options: FakeLapiOptions = {}): Promise<FakeLapi> {
  const lapi = await FakeLapi.start(options)
  onTestFinished(() => lapi.stop())
  return lapi
}

function bouncerOn(lapi: FakeLapi, options: Partial<BouncerOptions> = {}): Bouncer {
  const bouncer = createBouncer({ apiUrl: lapi.url, apiKey: lapi.apiKey, streamUpdateFrequency: 100, ...options })
  onTestFinished(() => bouncer.stop())
  return bouncer
}

function next<Name extends keyof BouncerEvents>(bouncer: Bouncer, name: Name): Promise<BouncerEvents[Name][0]> {
  return new Promise((resolve) => {
    const listener = (...[event]: BouncerEvents[Name]) => {
      bouncer.off(name, listener)
      resolve(event)
    }
    bouncer.on(name, listener)
  })
}

/** A reverse proxy that knows the LAPI under `/crowdsec/lapi` only. */
async function startProxy(lapi: FakeLapi): Promise<string> {
  const proxy = createServer((incoming, outgoing) => {
    const [, path] = (incoming.url ?? '').match(/^\/crowdsec\/lapi(\/.*)$/) ?? []
    if (path === undefined) {
      outgoing.writeHead(404).end()
      return
    }
    const onward = request(lapi.url + path, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(onward)
  })
  onTestFinished(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

describe('apiUrl', () => {
  it.each(['', '/'])('ends in "%s"', async (end) => {
    const lapi = await startLapi()
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    const bouncer = bouncerOn(lapi, { apiUrl: lapi.url + end })
    await bouncer.start()
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
  })

  it.each(['/crowdsec/lapi', '/crowdsec/lapi/'])('has the path %s', async (path) => {
    const lapi = await startLapi()
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    const bouncer = bouncerOn(lapi, { apiUrl: (await startProxy(lapi)) + path })
    await bouncer.start()
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
  })

  it.each(['', '/v1', '/crowdsec'])('with a wrong path "%s" says where to look', async (path) => {
    const lapi = await startLapi()
    const bouncer = bouncerOn(lapi, { apiUrl: (await startProxy(lapi)) + path, startTimeout: 100 })
    const error = next(bouncer, 'error')
    await bouncer.start()
    expect(await error).toMatchObject({ code: 'ERR_CSB_LAPI_STATUS', message: expect.stringContaining('api_url') })
  })
})

describe('from start to stop', () => {
  it('takes what is there, then what changes, at its frequency', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    const bouncer = bouncerOn(lapi)
    await bouncer.start()
    expect(bouncer.isReady()).toBe(true)
    lapi.add({ value: '1.2.3.5', duration: '4h' })
    lapi.delete({ value: '1.2.3.4' })
    expect(await next(bouncer, 'synced')).toMatchObject({
      source: 'lapi',
      kind: 'changed',
      added: 1,
      removed: 1,
      held: 1,
    })
    expect(bouncer.check('1.2.3.4').action).toBe('allow')
    expect(bouncer.check('1.2.3.5').action).toBe('ban')
    await next(bouncer, 'synced')
    const [first, ...later] = lapi.requests
    expect(first?.headers['user-agent']).toMatch(/^crowdsec-nodejs-bouncer\/v\d+\.\d+\.\d+$/)
    expect(lapi.bouncers()[0]).toMatchObject({ type: 'crowdsec-nodejs-bouncer', version: expect.stringMatching(/^v/) })
    for (const [i, one] of later.entries()) expect(one.at - (lapi.requests[i]?.at ?? 0)).toBeGreaterThan(95)
  })

  it('lets the application go on where the LAPI is down, and protects it as soon as it is up', async () => {
    const lapi = await startLapi()
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    await lapi.down()
    const bouncer = bouncerOn(lapi, { startTimeout: 100 })
    await bouncer.start()
    expect(bouncer.isReady()).toBe(false)
    expect(bouncer.check('1.2.3.4').action).toBe('allow')
    expect(bouncer.stats().sources[0]).toMatchObject({ state: 'starting', lastSyncAgeSeconds: null })
    await lapi.up()
    expect(await next(bouncer, 'synced')).toMatchObject({ kind: 'replaced', held: 1 })
    expect(bouncer.isReady()).toBe(true)
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
  })

  it('does not wait for startTimeout where the first sync is there', async () => {
    const lapi = await startLapi()
    const bouncer = bouncerOn(lapi, { startTimeout: '10m' })
    await bouncer.start()
    expect(bouncer.isReady()).toBe(true)
  })

  it('does not hurry where everything fails', async () => {
    const lapi = await startLapi()
    lapi.fault({ kind: 'status', status: 500 })
    const bouncer = bouncerOn(lapi, { startTimeout: 100 })
    void bouncer.start()
    const times: number[] = []
    while (times.length < 3) times.push((await lapi.nextRequest()).at)
    const [first = 0, second = 0, third = 0] = times
    expect(second - first).toBeGreaterThan(495)
    expect(third - second).toBeGreaterThan(995)
    expect(lapi.requests).toHaveLength(3)
  })

  it('refuses to start again, with a code', async () => {
    const bouncer = bouncerOn(await startLapi())
    await bouncer.stop()
    await expect(bouncer.start()).rejects.toMatchObject({ code: 'ERR_CSB_STATE' })
  })
})

interface Moment {
  readonly options?: Partial<BouncerOptions>
  readonly lapi?: FakeLapiOptions
  readonly reach: (bouncer: Bouncer, lapi: FakeLapi) => Promise<unknown>
}

const started = (bouncer: Bouncer) => void bouncer.start()

const moments: Readonly<Record<string, Moment>> = {
  'before start': { reach: async () => {} },
  'between pulls': { options: { streamUpdateFrequency: '10m' }, reach: (bouncer) => bouncer.start() },
  'while polling': { reach: (bouncer) => bouncer.start().then(() => next(bouncer, 'synced')) },
  'in the same turn as start': { reach: async (bouncer) => started(bouncer) },
  'while the first answer is awaited': {
    lapi: { startupDelay: 60_000 },
    reach: async (bouncer, lapi) => {
      started(bouncer)
      await lapi.nextRequest()
    },
  },
  'in the middle of an answer': {
    reach: async (bouncer, lapi) => {
      lapi.bulk(5000, (index) => ({ value: `10.0.${index >> 8}.${index & 255}`, duration: '4h' }))
      lapi.fault({ kind: 'stall', afterBytes: 300_000 })
      started(bouncer)
      await lapi.nextRequest()
      await new Promise((resolve) => setTimeout(resolve, 50))
    },
  },
  'in backoff': {
    reach: async (bouncer, lapi) => {
      lapi.fault({ kind: 'status', status: 429, headers: { 'Retry-After': '3600' } })
      const failed = next(bouncer, 'error')
      started(bouncer)
      await failed
    },
  },
  'with the LAPI down': {
    reach: async (bouncer, lapi) => {
      await lapi.down()
      const failed = next(bouncer, 'error')
      started(bouncer)
      await failed
    },
  },
}

/** What keeps a process alive, by kind. */
function held(): readonly string[] {
  return process.getActiveResourcesInfo().filter((kind) => /^(TCPSocketWrap|ConnectWrap|Timeout)$/.test(kind))
}

function beyond(before: readonly string[]): readonly string[] {
  const left = [...before]
  return held().filter((kind) => {
    const index = left.indexOf(kind)
    if (index >= 0) left.splice(index, 1)
    return index < 0
  })
}

/** What is held beyond `before` and does not go within a second: the other side of a connection hears of its end later. */
async function leftBehind(before: readonly string[]): Promise<readonly string[]> {
  const deadline = performance.now() + 1000
  while (beyond(before).length > 0 && performance.now() < deadline) await new Promise(setImmediate)
  return beyond(before)
}

describe('stop() leaves nothing', () => {
  it.each(Object.entries(moments))('%s', async (_name, { options, lapi: lapiOptions, reach }) => {
    const lapi = await startLapi(lapiOptions)
    const before = held()
    const bouncer = bouncerOn(lapi, { startTimeout: '10m', ...options })
    await reach(bouncer, lapi)
    const began = performance.now()
    await bouncer.stop()
    expect(performance.now() - began).toBeLessThan(1000)
    await lapi.stop()
    const requests = lapi.requests.length
    expect(await leftBehind(before)).toEqual([])
    expect(lapi.requests).toHaveLength(requests)
  })

  it.runIf(canHang)('while connecting hangs', async () => {
    const port = await hangingPort()
    const before = held()
    const bouncer = createBouncer({ apiUrl: `http://127.0.0.1:${port}`, apiKey: 'k', startTimeout: '10m' })
    const start = bouncer.start()
    await vi.waitFor(() => expect(beyond(before)).toContain('TCPSocketWrap'))
    await bouncer.stop()
    await start
    expect(await leftBehind(before)).toEqual([])
  })
})
