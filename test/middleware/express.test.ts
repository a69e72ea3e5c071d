import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import { afterEach, describe, expect, it, test } from 'vitest'
import { type CrowdsecHandler, crowdsec } from '../../middleware/express.js'
import { type BouncerOptions, createBouncer } from '../../src/index.js'
import { decision, listSource } from '../source-of-decisions.js'

interface Running {
  readonly handler: CrowdsecHandler
  get(headers?: Record<string, string>, method?: string): Promise<Response>
}

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const DECISIONS = [
  decision({ value: '203.0.113.7' }),
  decision({ value: '198.51.100.0/24', scope: 'Range' }),
  decision({ value: '2001:db8:bad::/48', scope: 'Range' }),
  decision({ value: '203.0.113.8', type: 'captcha' }),
  decision({ value: '203.0.113.9', type: 'something' }),
]

/** An app behind a trusted proxy, which is us: `X-Forwarded-For` plays the visitor. */
async function run(
  options: Partial<BouncerOptions> = {},
  prepare: (app: Express) => void = trustProxy,
): Promise<Running> {
  const app = express()
  prepare(app)
  const handler = crowdsec({ sources: [listSource(DECISIONS)], ...options })
  await handler.bouncer.start()
  app.use(handler)
  app.use((req, res) => {
    res.json({ verdict: req.crowdsec })
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  cleanups.push(() => handler.bouncer.stop())
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  return { handler, get: (headers = {}, method = 'GET') => fetch(`http://127.0.0.1:${port}/`, { headers, method }) }
}

function trustProxy(app: Express): void {
  app.set('trust proxy', true)
}

describe('who is let in', () => {
  test.each([
    ['a stranger', '9.9.9.9', {}, 200],
    ['a banned address', '203.0.113.7', {}, 403],
    ['an address in a banned range', '198.51.100.200', {}, 403],
    ['an IPv6 address in a banned range', '2001:DB8:BAD::1', {}, 403],
    ['a mapped banned address', '::ffff:203.0.113.7', {}, 403],
    ['a captcha that cannot be shown', '203.0.113.8', {}, 403],
    ['an unknown type', '203.0.113.9', {}, 403],
    ['a captcha, fallback ignore', '203.0.113.8', { remediationFallback: 'ignore' }, 200],
    ['a ban, fallback ignore', '203.0.113.7', { remediationFallback: 'ignore' }, 403],
    ['what is no address', 'unknown', {}, 200],
    ['what is no address, when that is banned', 'unknown', { invalidAddressAction: 'ban' }, 403],
  ] as const)('%s', async (_name, address, options, status) => {
    const { get } = await run(options)
    expect((await get({ 'x-forwarded-for': address })).status).toBe(status)
  })

  it('tells the verdict on req.crowdsec, with its own type', async () => {
    const { get } = await run({ remediationFallback: 'ignore' })
    const allowed = await (await get({ 'x-forwarded-for': '9.9.9.9' })).json()
    const captcha = await (await get({ 'x-forwarded-for': '203.0.113.8' })).json()
    expect(allowed).toEqual({ verdict: { action: 'allow', decision: null } })
    expect(captcha).toMatchObject({
      verdict: { action: 'captcha', decision: { value: '203.0.113.8', type: 'captcha' } },
    })
  })

  it('judges the socket, and warns once, while trust proxy is off', async () => {
    const warnings: string[] = []
    const logger = { debug() {}, info() {}, warn: (line: string) => void warnings.push(line), error() {} }
    const { get } = await run({ logger }, () => {})
    expect((await get({ 'x-forwarded-for': '203.0.113.7' })).status).toBe(200)
    expect((await get({ 'x-forwarded-for': '203.0.113.7' })).status).toBe(200)
    expect(warnings).toEqual([expect.stringContaining('trust proxy')])
  })
})

describe('the answer', () => {
  test.each([
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'text/html'],
    ['application/json', 'application/json'],
    ['application/json;q=0.5, text/*;q=0.4', 'application/json'],
    ['text/html;q=0.1, application/json;q=0.2', 'application/json'],
    ['text/html;q=0, */*', 'application/json'],
    ['*/*', 'text/html'],
    ['image/png', 'text/html'],
    ['garbage;;;,,', 'text/html'],
  ])('Accept: %s gets %s', async (accept, type) => {
    const { get } = await run()
    const response = await get({ 'x-forwarded-for': '203.0.113.7', accept })
    const body = await response.text()
    expect(response.status).toBe(403)
    expect(response.headers.get('content-type')).toContain(type)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('vary')).toBe('Accept')
    if (type === 'text/html') expect(body).toMatch(/^<!DOCTYPE html>\n<html lang="en">[\s\S]*<h1>Access denied<\/h1>/)
    else expect(JSON.parse(body)).toEqual({ error: { code: 'forbidden', message: 'Access denied' } })
  })

  it('has no body for HEAD', async () => {
    const { get } = await run()
    const response = await get({ 'x-forwarded-for': '203.0.113.7' }, 'HEAD')
    expect([response.status, await response.text()]).toEqual([403, ''])
  })

  it('tells a visitor nothing of the decision and runs no script', async () => {
    const { get } = await run()
    const body = await (await get({ 'x-forwarded-for': '203.0.113.7' })).text()
    expect(body).not.toMatch(/203\.0\.113|<script|https?:\/\/|ssh-bf/)
  })
})

describe('a bouncer of one’s own', () => {
  it('is shared and not started or stopped', async () => {
    const bouncer = createBouncer({ sources: [listSource(DECISIONS)] })
    const one = crowdsec(bouncer)
    const other = crowdsec(bouncer)
    expect([one.bouncer, other.bouncer, bouncer.isReady()]).toEqual([bouncer, bouncer, false])
    await bouncer.start()
    expect(bouncer.isReady()).toBe(true)
    await bouncer.stop()
  })

  it('bad options throw when the middleware is made', () => {
    expect(() => crowdsec({ apiKey: 'k', apiUrl: 'nonsense' })).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_CONFIG' }),
    )
  })
})
