/** One behaviour in all frameworks: the same cases over each, through real HTTP. */

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it, test } from 'vitest'
import { type BouncerOptions, createBouncer, type RouteOverrides, type Verdict } from '../../src/index.js'
import { FakeLapi } from '../../src/testing/index.js'
import { decision, listSource } from '../source-of-decisions.js'
import { type AppPlan, FACES, type Face, type RunningApp } from './faces.js'

const STRANGER = '9.9.9.9'
const BANNED = '203.0.113.7'

const DECISIONS = [
  decision({ value: BANNED }),
  decision({ value: '198.51.100.0/24', scope: 'Range' }),
  decision({ value: '2001:db8:bad::/48', scope: 'Range' }),
  decision({ value: '203.0.113.8', type: 'captcha' }),
  decision({ value: '203.0.113.9', type: 'something' }),
  decision({ value: 'bob', scope: 'username' }),
]

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** An app behind one trusted proxy, which is us: `X-Forwarded-For` plays the visitor. */
function behindProxy(options: Partial<BouncerOptions> = {}): BouncerOptions {
  return { sources: [listSource(DECISIONS)], trustedProxies: ['loopback'], ...options }
}

async function run(face: Face, plan: AppPlan): Promise<RunningApp> {
  const app = await face.run(plan)
  const bouncers = new Set(app.bouncers)
  cleanups.push(() => Promise.all([...bouncers].map((bouncer) => bouncer.stop())))
  cleanups.push(() => app.close())
  await Promise.all([...bouncers].map((bouncer) => bouncer.start()))
  return app
}

function protect(face: Face, options: Partial<BouncerOptions> = {}, overrides?: RouteOverrides): Promise<RunningApp> {
  const guard = { options: behindProxy(options), ...(overrides === undefined ? {} : { overrides }) }
  return run(face, { guards: [guard] })
}

interface Sent {
  readonly from?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  readonly path?: string
  readonly body?: string
}

interface Got {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

async function ask({ port }: RunningApp, { from, headers, method = 'GET', path = '/', body }: Sent): Promise<Got> {
  const forwarded = from === undefined ? {} : { 'x-forwarded-for': from }
  const sent = request({ host: '127.0.0.1', port, method, path, headers: { ...forwarded, ...headers }, agent: false })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) }
}

const boom = () => {
  throw new Error('a function of the user throws')
}

type Case = [name: string, sent: Sent, options: Partial<BouncerOptions>, status: number]

const CASES: readonly Case[] = [
  ['a stranger', { from: STRANGER }, {}, 200],
  ['a banned address', { from: BANNED }, {}, 403],
  ['a banned address, HEAD', { from: BANNED, method: 'HEAD' }, {}, 403],
  ['a banned address, POST with a body', { from: BANNED, method: 'POST', body: 'x'.repeat(100_000) }, {}, 403],
  ['a banned address, a path that is nowhere', { from: BANNED, path: '/nowhere/at/all?x=1' }, {}, 403],
  ['an address in a banned range', { from: '198.51.100.200' }, {}, 403],
  ['just out of the range', { from: '198.51.101.0' }, {}, 200],
  ['an IPv6 address in a banned range', { from: '2001:DB8:BAD::1' }, {}, 403],
  ['a mapped banned address', { from: '::ffff:203.0.113.7' }, {}, 403],
  ['a banned address with a port', { from: '203.0.113.7:4711' }, {}, 403],
  ['a captcha that cannot be shown', { from: '203.0.113.8' }, {}, 403],
  ['a captcha, fallback ignore', { from: '203.0.113.8' }, { remediationFallback: 'ignore' }, 200],
  ['an unknown type', { from: '203.0.113.9' }, {}, 403],
  ['an unknown type, fallback ignore', { from: '203.0.113.9' }, { remediationFallback: 'ignore' }, 200],
  ['a ban, fallback ignore', { from: BANNED }, { remediationFallback: 'ignore' }, 403],
  ['dry run', { from: BANNED }, { dryRun: true }, 200],
  ['another status', { from: BANNED }, { banReturnCode: 429 }, 429],
  ['the allowlist', { from: BANNED }, { allowlist: ['203.0.113.0/24'] }, 200],
  ['an excluded path', { from: BANNED, path: '/health' }, { excludePaths: ['/health'] }, 200],
  ['an excluded path with a query', { from: BANNED, path: '/health?x=/' }, { excludePaths: ['/health'] }, 200],
  ['below an excluded path', { from: BANNED, path: '/health/a' }, { excludePaths: ['/x', '/health'] }, 200],
  ['beside an excluded path', { from: BANNED, path: '/healthy' }, { excludePaths: ['/health'] }, 403],
  ['out of an excluded path again', { from: BANNED, path: '/health/../secret' }, { excludePaths: ['/health'] }, 403],
  ['the same, hidden', { from: BANNED, path: '/health/%2E%2e/secret' }, { excludePaths: ['/health'] }, 403],
  ['an excluded method', { from: BANNED, method: 'OPTIONS' }, { excludeMethods: ['OPTIONS'] }, 200],
  ['a method that is not excluded', { from: BANNED, method: 'PUT' }, { excludeMethods: ['OPTIONS'] }, 403],
  ['excluded by a function', { from: BANNED }, { exclude: () => true }, 200],
  ['not excluded by a function', { from: BANNED }, { exclude: () => false }, 403],
  ['a function that throws excludes nothing', { from: BANNED }, { exclude: boom }, 403],
  ['a user name', { from: STRANGER }, { identify: () => ({ username: 'bob' }) }, 403],
  ['another user name', { from: STRANGER }, { identify: () => ({ username: 'eve' }) }, 200],
  ['who cannot be identified, banned', { from: BANNED }, { identify: boom }, 403],
  ['who cannot be identified, a stranger', { from: STRANGER }, { identify: boom }, 200],
  ['two proxies', { from: `${STRANGER}, ${BANNED}, 10.0.0.2` }, { trustedProxies: ['loopback', 'uniquelocal'] }, 403],
  ['two proxies, by number', { from: `${STRANGER}, ${BANNED}, 10.0.0.2` }, { trustedProxies: 2 }, 403],
  ['a spoofed entry', { from: `${STRANGER}, ${BANNED}` }, {}, 403],
  ['somebody else’s address as spoofed entry', { from: `${BANNED}, ${STRANGER}` }, {}, 200],
  ['a proxy that is not trusted', { from: BANNED }, { trustedProxies: ['10.0.0.0/8'] }, 200],
  ['no proxy is trusted', { from: BANNED }, { trustedProxies: [] }, 200],
  ['a header that is no address', { from: 'garbage' }, { invalidAddressAction: 'ban' }, 200],
  [
    'Forwarded',
    { headers: { forwarded: `for=${STRANGER}, for="${BANNED}:80";proto=https` } },
    { clientAddressHeader: 'Forwarded' },
    403,
  ],
  [
    'a header of its own',
    { from: STRANGER, headers: { 'cf-connecting-ip': BANNED } },
    { clientAddressHeader: 'CF-Connecting-IP' },
    403,
  ],
  ['the socket itself', {}, { sources: [listSource([decision({ value: '127.0.0.1' })])] }, 403],
]

describe.each(FACES)('$name', (face) => {
  test.each(CASES)('%s', async (_name, sent, options, status) => {
    const app = await protect(face, options)
    const got = await ask(app, sent)
    expect(got.status).toBe(status)
    expect(app.handled).toHaveLength(status === 200 ? 1 : 0)
  })

  describe('the answer', () => {
    test.each([
      ['text/html,application/xhtml+xml,*/*;q=0.8', 'text/html'],
      ['application/json', 'application/json'],
      ['application/json;q=0.5, text/*;q=0.4', 'application/json'],
      ['text/html;q=0.1, application/json;q=0.2', 'application/json'],
      ['text/html;q=0, application/json', 'application/json'],
      ['*/*', 'text/html'],
      ['image/png', 'text/html'],
      ['garbage;;;,,', 'text/html'],
    ])('Accept: %s gets %s', async (accept, type) => {
      const got = await ask(await protect(face), { from: BANNED, headers: { accept } })
      expect(got.headers).toMatchObject({ 'cache-control': 'no-store', vary: 'Accept' })
      expect(got.headers['content-type']).toBe(`${type}; charset=utf-8`)
      expect(got.headers['content-length']).toBe(String(Buffer.byteLength(got.body)))
      if (type === 'text/html')
        expect(got.body).toMatch(/^<!DOCTYPE html>\n<html lang="en">[\s\S]*<h1>Access denied<\/h1>/)
      else expect(JSON.parse(got.body)).toMatchObject({ error: { code: 'forbidden', message: 'Access denied' } })
      expect(got.body).not.toMatch(/203\.0\.113|<script|ssh-bf/)
    })

    it('has the same head and no body for HEAD', async () => {
      const app = await protect(face)
      const get = await ask(app, { from: BANNED })
      const head = await ask(app, { from: BANNED, method: 'HEAD' })
      expect(head.body).toBe('')
      for (const name of ['content-type', 'content-length', 'cache-control', 'vary']) {
        expect([name, head.headers[name]]).toEqual([name, get.headers[name]])
      }
    })

    it('can be one’s own', async () => {
      const banAnswer = ({ decision }: Verdict) => ({
        status: 451,
        headers: { 'content-type': 'text/plain', 'x-scenario': decision?.scenario ?? '' },
        body: 'no',
      })
      const got = await ask(await protect(face, { banAnswer }), { from: BANNED })
      expect([got.status, got.headers['x-scenario'], got.body]).toEqual([451, 'ssh-bf', 'no'])
    })
  })

  it('shows the verdict to the handler', async () => {
    const app = await protect(face, { remediationFallback: 'ignore' })
    const allowed = JSON.parse((await ask(app, { from: STRANGER })).body)
    const captcha = JSON.parse((await ask(app, { from: '203.0.113.8', path: '/a?b' })).body)
    expect(allowed).toEqual({ verdict: { action: 'allow', decision: null } })
    expect(captcha).toMatchObject({ verdict: { action: 'captcha', decision: { value: '203.0.113.8' } } })
    expect(app.handled.map(({ verdict }) => verdict?.action)).toEqual(['allow', 'captcha'])
  })

  it('shows the verdict in a dry run, and logs what it would have done', async () => {
    const infos: string[] = []
    const logger = {
      debug() {},
      info: (...line: unknown[]) => void infos.push(JSON.stringify(line)),
      warn() {},
      error() {},
    }
    const app = await protect(face, { dryRun: true, logger })
    const { verdict } = JSON.parse((await ask(app, { from: BANNED })).body)
    expect(verdict).toMatchObject({ action: 'ban', decision: { value: BANNED } })
    expect(infos.filter((line) => line.includes(BANNED))).toHaveLength(1)
  })

  describe('a warning, once', () => {
    async function warnings(plan: Partial<AppPlan>, options: Partial<BouncerOptions>, from: string): Promise<string[]> {
      const lines: string[] = []
      const record = (line: string) => void lines.push(line)
      const logger = { debug() {}, info() {}, warn: record, error: record }
      const guard = { options: { sources: [listSource(DECISIONS)], logger, ...options } }
      const app = await run(face, { guards: [guard], ...plan })
      for (const path of ['/', '/a']) expect((await ask(app, { from, path })).status).toBe(200)
      return lines
    }

    it('where no proxy is trusted', async () => {
      const settings = face.proxySetting ?? '`trustedProxies`'
      expect(await warnings({}, {}, BANNED)).toEqual([expect.stringMatching(/CSB_TRUST_PROXY: Requests carry/)])
      expect((await warnings({}, {}, BANNED))[0]).toContain(settings)
    })

    it('and none where trustedProxies says so', async () => {
      expect(await warnings({}, { trustedProxies: [] }, BANNED)).toEqual([])
    })
  })

  describe('several apps and routes', () => {
    it('share a bouncer, which they neither start nor stop, and differ by their overrides', async () => {
      const bouncer = createBouncer(behindProxy())
      cleanups.push(() => bouncer.stop())
      const strict = await face.run({ guards: [{ options: bouncer }] })
      const lenient = await face.run({ guards: [{ options: bouncer, overrides: { dryRun: true } }] })
      cleanups.push(() => Promise.all([strict.close(), lenient.close()]))
      expect([...strict.bouncers, ...lenient.bouncers]).toEqual([bouncer, bouncer])
      expect(bouncer.isReady()).toBe(false)
      await bouncer.start()
      expect((await ask(strict, { from: BANNED })).status).toBe(403)
      expect((await ask(lenient, { from: BANNED })).status).toBe(200)
      expect(bouncer.stats().requests.remediated).toBe(2)
      await strict.close()
      expect(bouncer.isReady()).toBe(true)
      expect((await ask(lenient, { from: BANNED })).status).toBe(200)
    })

    it('differ by route', async () => {
      const bouncer = createBouncer(behindProxy({ dryRun: true }))
      const app = await run(face, {
        guards: [
          {
            options: bouncer,
            at: '/login',
            overrides: { dryRun: false, banReturnCode: 429, excludePaths: ['/login/help'] },
          },
          { options: bouncer, at: '/admin', overrides: { dryRun: false, trustedProxies: [] } },
          { options: bouncer, at: '/free', overrides: { exclude: () => true } },
        ],
      })
      const statuses = []
      for (const path of ['/', '/login', '/login/now', '/login/help', '/admin', '/free']) {
        statuses.push((await ask(app, { from: BANNED, path })).status)
      }
      expect(statuses).toEqual([200, 429, 429, 200, 200, 200])
    })

    it('can stand behind each other', async () => {
      const bouncer = createBouncer(behindProxy())
      const app = await run(face, {
        guards: [{ options: bouncer, overrides: { dryRun: true } }, { options: bouncer }],
      })
      expect((await ask(app, { from: BANNED })).status).toBe(403)
      expect((await ask(app, { from: STRANGER })).status).toBe(200)
    })
  })

  describe('what goes wrong', () => {
    it('bad options and bad overrides throw when the middleware is made, and nothing was started', async () => {
      const bad = expect.objectContaining({ code: 'ERR_CSB_CONFIG' })
      const started: string[] = []
      const source = { ...listSource([]), start: async () => void started.push('started') }
      await expect(face.run({ guards: [{ options: { apiKey: 'k', apiUrl: 'nonsense' } }] })).rejects.toEqual(bad)
      const guards = [{ options: { sources: [source] }, overrides: { banReturnCode: 200 } }]
      await expect(face.run({ guards })).rejects.toEqual(bad)
      expect(started).toEqual([])
    })

    it('an error of the app is the app’s to answer, once', async () => {
      const app = await protect(face)
      expect(await ask(app, { from: STRANGER, path: '/throws' })).toMatchObject({
        status: 500,
        body: 'handled: thrown by the app',
      })
      expect(app.handled).toHaveLength(1)
      expect((await ask(app, { from: STRANGER })).status).toBe(200)
    })

    it('a body that was already read', async () => {
      const bodies: string[] = []
      const before = async (req: IncomingMessage) => void bodies.push(await text(req))
      const app = await run(face, { guards: [{ options: behindProxy() }], before })
      const got = await ask(app, { from: BANNED, method: 'POST', body: 'hello' })
      expect([got.status, bodies, app.handled]).toEqual([403, ['hello'], []])
      expect((await ask(app, { from: STRANGER })).status).toBe(200)
    })

    it('a socket that is already gone: no address, so what `invalidAddressAction` says, and never who the header says', async () => {
      const leave = async (req: IncomingMessage) => {
        if (req.url !== '/gone') return
        const closed = once(req.socket, 'close')
        req.socket.destroy()
        await closed
      }
      const app = await run(face, { guards: [{ options: behindProxy() }], before: leave })
      const [bouncer] = app.bouncers
      await expect(ask(app, { from: STRANGER, path: '/gone' })).rejects.toThrow('socket hang up')
      await expect(ask(app, { from: BANNED, path: '/gone' })).rejects.toThrow('socket hang up')
      await expect.poll(() => bouncer.stats().requests.invalid).toBe(2)
      expect((await ask(app, { from: BANNED })).status).toBe(403)
      expect((await ask(app, { from: STRANGER })).status).toBe(200)
    })
  })

  describe('live mode', () => {
    async function live(options: Partial<BouncerOptions> = {}) {
      const lapi = await FakeLapi.start()
      cleanups.push(() => lapi.stop())
      lapi.add({ value: BANNED, duration: '4h', scenario: 'ssh-bf' })
      const { url: apiUrl, apiKey } = lapi
      const app = await run(face, {
        guards: [
          { options: { apiUrl, apiKey, mode: 'live', lapiTimeout: '5s', trustedProxies: ['loopback'], ...options } },
        ],
      })
      return { lapi, app }
    }

    it('asks about each', async () => {
      const { lapi, app } = await live()
      expect((await ask(app, { from: STRANGER })).status).toBe(200)
      expect((await ask(app, { from: BANNED })).status).toBe(403)
      expect((await ask(app, { from: BANNED, method: 'HEAD' })).body).toBe('')
      expect(app.handled).toMatchObject([{ verdict: { action: 'allow' } }])
      expect(lapi.requests.filter(({ path }) => path === '/v1/decisions').length).toBeGreaterThanOrEqual(2)
    })

    it('an error of the app is the app’s to answer, once', async () => {
      const { app } = await live()
      expect(await ask(app, { from: STRANGER, path: '/throws' })).toMatchObject({ status: 500 })
      expect(app.handled).toHaveLength(1)
    })

    it('answers in vain where the client has gone', async () => {
      const { lapi, app } = await live()
      for (const from of [BANNED, STRANGER]) {
        lapi.fault({ kind: 'slow', ms: 50 }, { times: 1 })
        const asked = lapi.nextRequest()
        const answered = lapi.nextAnswer()
        const sent = request({ port: app.port, headers: { 'x-forwarded-for': from }, agent: false })
        const failed = once(sent, 'error')
        sent.end()
        failed.catch(() => {})
        await asked
        sent.destroy(new Error('gone'))
        await answered
        await failed
      }
      expect((await ask(app, { from: BANNED })).status).toBe(403)
      expect((await ask(app, { from: STRANGER, path: '/after' })).status).toBe(200)
      expect(app.handled.at(-1)).toMatchObject({ path: '/after', verdict: { action: 'allow' } })
      expect(app.handled.filter(({ verdict }) => verdict?.action !== 'allow')).toEqual([])
    })
  })
})

describe.each(FACES.filter(({ proxySetting }) => proxySetting !== null))('$name, its own trust in proxies', (face) => {
  const options = { sources: [listSource(DECISIONS)] }

  it.each([
    [BANNED, 403],
    [`${STRANGER}, ${BANNED}`, 403],
    [`${BANNED}, ${STRANGER}`, 200],
    [`${BANNED}:4711`, 403],
    [`[2001:db8:bad::7]:4711`, 403],
    [`::ffff:${BANNED}`, 403],
    ['garbage', 200],
  ])('is followed: %s gets %i', async (from, status) => {
    const app = await run(face, { guards: [{ options }], frameworkTrusts: 'one' })
    expect((await ask(app, { from })).status).toBe(status)
  })

  it('hands on what is no address, which is then judged as such', async () => {
    const guards = [{ options: { ...options, invalidAddressAction: 'ban' as const } }]
    const app = await run(face, { guards, frameworkTrusts: 'all' })
    expect((await ask(app, { from: 'unknown' })).status).toBe(403)
  })

  it('counts for nothing where trustedProxies is given', async () => {
    const app = await run(face, {
      guards: [{ options: { ...options, trustedProxies: ['10.0.0.0/8'] } }],
      frameworkTrusts: 'all',
    })
    expect((await ask(app, { from: BANNED })).status).toBe(200)
  })
})

it.each(FACES.filter(({ showsTrustInAll }) => showsTrustInAll))(
  '$name warns once where all are trusted and the visitor may have written the first address',
  async (face) => {
    const lines: string[] = []
    const record = (line: string) => void lines.push(line)
    const logger = { debug() {}, info() {}, warn: record, error: record }
    const app = await run(face, {
      guards: [{ options: { sources: [listSource(DECISIONS)], logger } }],
      frameworkTrusts: 'all',
    })
    expect((await ask(app, { from: BANNED })).status).toBe(403)
    expect(lines).toEqual([])
    for (const path of ['/', '/a']) {
      expect((await ask(app, { from: `${STRANGER}, ${BANNED}`, path })).status).toBe(200)
    }
    expect(lines).toEqual([expect.stringContaining('CSB_TRUST_ALL_PROXIES')])
  },
)
