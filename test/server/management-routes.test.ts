/** Liveness, readiness, metrics, and paths that are none. */

import { Counter, Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { ask, memoryLogger, startService } from './service.js'

test('/livez', async () => {
  const { port } = await startService({ isReady: () => false })
  const answer = await ask(port, '/livez')
  expect([answer.status, answer.text]).toEqual([200, '{"status":"ok"}'])
  expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
  expect(answer.headers).not.toHaveProperty('x-powered-by')
})

describe('/readyz', () => {
  test('is 503 until the first full sync, and then 200', async () => {
    let ready = false
    const { port } = await startService({ isReady: () => ready })
    const before = await ask(port, '/readyz')
    ready = true
    const after = await ask(port, '/readyz')
    expect([before.status, after.status]).toEqual([503, 200])
    expect([JSON.parse(before.text).ready, JSON.parse(after.text).ready]).toEqual([false, true])
  })

  test('tells of every source', async () => {
    const sources = [
      { name: 'lapi', state: 'failing', decisions: 5, lastSyncAgeSeconds: 61.2, lastError: 'ERR_CSB_CONNECT: refused' },
      { name: 'mine', state: 'starting', decisions: 0, lastSyncAgeSeconds: null, lastError: null },
    ]
    const { port } = await startService({ stats: () => ({ decisions: 5, sources }) })
    expect(JSON.parse((await ask(port, '/readyz')).text)).toEqual({
      ready: true,
      decisions: 5,
      sources: [
        {
          name: 'lapi',
          state: 'failing',
          decisions: 5,
          last_sync_age_seconds: 61.2,
          last_error: 'ERR_CSB_CONNECT: refused',
        },
        { name: 'mine', state: 'starting', decisions: 0, last_sync_age_seconds: null, last_error: null },
      ],
    })
  })
})

describe('/metrics', () => {
  test("is the bouncer's registry", async () => {
    const registry = new Registry()
    new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3)
    const { port } = await startService({ registry })
    const answer = await ask(port, '/metrics')
    expect([answer.status, answer.headers['content-type']]).toEqual([200, registry.contentType])
    expect(answer.text).toContain('things_total 3')
  })

  test('that fail are a 500 without the reason', async () => {
    const logger = memoryLogger()
    const registry = { contentType: 'text/plain', metrics: () => Promise.reject(new Error('s3cr3t reason')) }
    const { port } = await startService({ registry }, logger)
    const answer = await ask(port, '/metrics')
    expect(answer.status).toBe(500)
    expect(JSON.parse(answer.text).error.code).toBe('ERR_CSB_INTERNAL')
    expect(logger.lines.join()).toContain('s3cr3t reason')
  })
})

test.each(['/livez', '/readyz', '/metrics'])('HEAD %s has no body', async (path) => {
  const { port } = await startService()
  const answer = await ask(port, path, { method: 'HEAD' })
  expect([answer.status, answer.text]).toEqual([200, ''])
})

test.each([
  ['POST', '/livez'],
  ['OPTIONS', '/readyz'],
  ['DELETE', '/metrics'],
])('%s %s is the wrong method', async (method, path) => {
  const { port } = await startService()
  const answer = await ask(port, path, { method })
  expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET, HEAD'])
  expect(JSON.parse(answer.text).error.message).toBe(`expected the method GET or HEAD, got ${method}`)
})

test.each(['/', '/checks?ip=192.0.2.1', '/check/', '/Check?ip=192.0.2.1', '/%E0%A4%A', '//check', '/../check', '*'])(
  '%s is no path',
  async (path) => {
    const { port } = await startService()
    const answer = await ask(port, path)
    expect(answer.status).toBe(404)
    expect(JSON.parse(answer.text).error.code).toBe('ERR_CSB_BAD_REQUEST')
    expect(answer.text).not.toMatch(/at .*\.js/)
  },
)
