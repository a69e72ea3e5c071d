/** The calls of CAPI against a real server on loopback: what is sent, what comes back, what refuses, and that no secret is shown. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CapiApi } from '../../src/capi/api/capi-api.js'
import type { CapiDecisions } from '../../src/capi/decisions/capi-decisions.js'
import { createSignal } from '../../src/capi/signals/create-signal.js'
import { silentLogger } from '../../src/logger.js'

const MACHINE = 'm'.repeat(48)
const PASSWORD = 'p4ss-w0rd_p4ss'
const KEY = 'cl0123456789abcdefghijkl'
const EXP = 2_000_000_000
const TOKEN = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(JSON.stringify({ exp: EXP })).toString('base64url')}.c2ln`
const OPAQUE = 'opaque-token-0123456789'
const SECRETS = [PASSWORD, KEY, TOKEN, OPAQUE, 'signature=0123456789']

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

type Answer = (response: ServerResponse) => void

/** A CAPI that says the same to everybody, and what it has heard. */
async function serve(
  answer: Answer,
  prefix = '/v3',
): Promise<{ readonly api: CapiApi; readonly seen: Seen[]; readonly url: string }> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const { method, url, headers } = request
    seen.push({ method, url, headers, body: text === '' ? undefined : JSON.parse(text) })
    answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}${prefix}`
  const api = new CapiApi({ baseUrl: url, userAgent: 'test/v1.2.3' })
  onTestFinished(async () => {
    await api.close()
    server.close()
    server.closeAllConnections()
  })
  return { api, seen, url }
}

const say =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

const call = { deadline: 5000, signal: new AbortController().signal }
const login = { machineId: MACHINE, password: PASSWORD, scenarios: ['acme/a', 'acme/b'], ...call }
const enroll = { attachmentKey: KEY, name: 'mine', tags: ['a', 'b'], overwrite: false, ...call }
const signal = createSignal({ attackerIp: '1.2.3.4', scenario: 'acme/a', createdAt: new Date(0), machineId: MACHINE })
const metrics = { bouncers: [], machines: [{ name: MACHINE, version: 'v1', last_update: 'a', last_push: 'b' }] }

const calls = {
  register: (api: CapiApi, how = call) => api.register({ machineId: MACHINE, password: PASSWORD, ...how }),
  login: (api: CapiApi, how = call) => api.login({ ...login, ...how }),
  enroll: (api: CapiApi, how = call) => api.enroll(OPAQUE, { ...enroll, ...how }),
  pushSignals: (api: CapiApi, how = call) => api.pushSignals(OPAQUE, [signal], how),
  pushMetrics: (api: CapiApi, how = call) => api.pushMetrics(OPAQUE, metrics, how),
  decisions: (api: CapiApi, how = call) => api.decisions(OPAQUE, how),
}

/** The secrets that each request holds, so that an answer may repeat them. */
const held = {
  register: PASSWORD,
  login: PASSWORD,
  enroll: `${OPAQUE} ${KEY}`,
  pushSignals: OPAQUE,
  pushMetrics: OPAQUE,
  decisions: OPAQUE,
}

/** The error of a promise, which shows no secret however it is printed. */
async function errorOf(promise: Promise<unknown>): Promise<Record<string, unknown> & Error> {
  const error = await promise.then(
    () => expect.fail('it did not throw'),
    (reason) => reason,
  )
  for (const secret of SECRETS) expect(inspect(error, { depth: 10 })).not.toContain(secret)
  return error
}

describe('what is sent', () => {
  const auth = { authorization: `Bearer ${OPAQUE}` }
  it.each([
    ['register', 'POST', '/v3/watchers', {}, { machine_id: MACHINE, password: PASSWORD }],
    [
      'login',
      'POST',
      '/v3/watchers/login',
      {},
      { machine_id: MACHINE, password: PASSWORD, scenarios: ['acme/a', 'acme/b'] },
    ],
    [
      'enroll',
      'POST',
      '/v3/watchers/enroll',
      auth,
      { attachment_key: KEY, name: 'mine', tags: ['a', 'b'], overwrite: false },
    ],
    ['pushSignals', 'POST', '/v3/signals', auth, [signal]],
    ['pushMetrics', 'POST', '/v3/metrics', auth, metrics],
    ['decisions', 'GET', '/v3/decisions/stream', auth, undefined],
  ] as const)('%s: %s %s', async (name, method, url, headers, body) => {
    const { api, seen } = await serve(say({ message: 'OK', token: TOKEN, new: [] }))
    await calls[name](api)
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({
      method,
      url,
      headers: { ...headers, 'user-agent': 'test/v1.2.3', accept: 'application/json', 'accept-encoding': 'gzip' },
    })
    expect(seen[0].body).toEqual(body)
    if (!('authorization' in headers)) expect(seen[0].headers.authorization).toBeUndefined()
    expect(seen[0].headers['content-type']).toBe(method === 'POST' ? 'application/json' : undefined)
  })

  it('leaves out scenarios where there are none, and sends no signals as an empty list', async () => {
    const { api, seen } = await serve(say({ token: TOKEN }))
    await api.login({ ...login, scenarios: [] })
    await api.pushSignals(TOKEN, [], call)
    expect(seen.map(({ body }) => body)).toEqual([{ machine_id: MACHINE, password: PASSWORD }, []])
  })

  it.each([
    [{}, ''],
    [{ communityPull: true, additionalPull: true, startup: false }, ''],
    [{ communityPull: false }, '?community_pull=false'],
    [{ additionalPull: false, startup: true }, '?additional_pull=false&startup=true'],
  ])('says of decisions %j no more than is not the default', async (request, query) => {
    const { api, seen } = await serve(say({ new: [] }))
    await api.decisions(TOKEN, { ...call, ...request })
    expect(seen[0].url).toBe(`/v3/decisions/stream${query}`)
  })

  it.each(['/v3', '/v3/', '/some/where/v3'])('goes below the base URL %s', async (prefix) => {
    const { api, seen } = await serve(say({}), prefix)
    await calls.pushMetrics(api)
    expect(seen[0].url).toBe(`${prefix.replace(/\/$/, '')}/metrics`)
  })

  it.each([
    ['production', 'https://api.crowdsec.net/v3/'],
    ['development', 'https://api.dev.crowdsec.net/v3/'],
    ['https://user:hunter2@capi.example/v3?x=1', 'https://capi.example/v3/'],
  ])('%s is %s', (baseUrl, target) => {
    expect(new CapiApi({ baseUrl, userAgent: 'x/v1' }).target).toBe(target)
  })

  it('refuses a base URL that is none', () => {
    expect(() => new CapiApi({ baseUrl: 'staging', userAgent: 'x/v1' })).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_CONFIG' }),
    )
  })
})

describe('login', () => {
  const expire = '2030-01-02T03:04:05Z'
  it.each([
    ['exp of the token', { code: 200, token: TOKEN, expire }, { token: TOKEN, expiresAt: EXP * 1000 }],
    [
      'expire where the token does not say',
      { token: OPAQUE, expire },
      { token: OPAQUE, expiresAt: Date.parse(expire) },
    ],
    ['null where nothing says', { token: OPAQUE }, { token: OPAQUE, expiresAt: null }],
    [
      'null for an expire without an offset',
      { token: OPAQUE, expire: '2030-01-02 03:04:05' },
      { token: OPAQUE, expiresAt: null },
    ],
    ['null for an expire of another type', { token: OPAQUE, expire: 5 }, { token: OPAQUE, expiresAt: null }],
  ])('%s', async (_, answer, expected) => {
    const { api } = await serve(say(answer))
    expect(await api.login(login)).toEqual(expected)
  })

  it.each<[string, unknown]>([
    ['no token', { code: 200, expire }],
    ['null for a token', { token: null }],
    ['an empty token', { token: '' }],
    ['a token of another type', { token: [OPAQUE] }],
    ['a token under another name', { Token: TOKEN }],
    ['a token that no header takes', { token: `${OPAQUE}\r\nx: y` }],
    ['a list', [{ token: TOKEN }]],
    ['an answer cut in two', `{"token":"${TOKEN}`],
    ['what was sent', { machine_id: MACHINE, password: PASSWORD }],
  ])('refuses %s', async (_, answer) => {
    const { api } = await serve(say(answer))
    const error = await errorOf(api.login(login))
    expect(error).toMatchObject({
      code: 'ERR_CSB_CAPI_BODY',
      status: 200,
      message: expect.stringContaining('watchers/login'),
    })
  })
})

describe('enroll', () => {
  it.each([
    [200, false, 'already enrolled'],
    [200, true, 'accepted'],
    [201, false, 'accepted'],
    [202, false, 'accepted'],
  ] as const)('%d with overwrite %j is %s', async (status, overwrite, expected) => {
    const { api } = await serve(say({ message: 'OK' }, status))
    expect(await api.enroll(TOKEN, { ...enroll, overwrite })).toBe(expected)
  })

  it.each([
    [403, 'The attachment key provided is not valid', 'ERR_CSB_CAPI_ENROLL'],
    [400, 'invalid attachment_key', 'ERR_CSB_CAPI_ENROLL'],
    [403, 'The enrollment key is not valid', 'ERR_CSB_CAPI_ENROLL'],
    [403, 'no such enroll-key', 'ERR_CSB_CAPI_ENROLL'],
    [403, `attachment key ${KEY} is unknown`, 'ERR_CSB_CAPI_ENROLL'],
    [403, 'Forbidden', 'ERR_CSB_CAPI_ENROLL'],
    [401, 'Unauthorized', 'ERR_CSB_CAPI_AUTH'],
    [400, 'Invalid request body', 'ERR_CSB_CAPI_STATUS'],
    [500, 'attachment key service is down', 'ERR_CSB_CAPI_STATUS'],
  ])('%d %s is %s', async (status, message, code) => {
    const { api } = await serve(say({ message }, status))
    expect(await errorOf(api.enroll(TOKEN, enroll))).toMatchObject({ code, status })
  })
})

describe('register', () => {
  it.each([
    [500, 'User already registered.', 'ERR_CSB_CAPI_REGISTERED'],
    [500, 'Internal server error', 'ERR_CSB_CAPI_STATUS'],
    [400, 'User already registered.', 'ERR_CSB_CAPI_STATUS'],
    [403, 'Forbidden', 'ERR_CSB_CAPI_AUTH'],
  ])('%d %s is %s', async (status, message, code) => {
    const { api } = await serve(say({ message }, status))
    expect(await errorOf(calls.register(api))).toMatchObject({ code, status })
  })
})

describe('a refusal', () => {
  it.each([
    [401, 'Unauthorized', /^metrics is refused by CAPI at \S+ \(status 401\): "Unauthorized"$/],
    [
      403,
      'Forbidden',
      /^metrics is refused by .*; the credentials are wrong, or there were too many logins .*"Forbidden"$/,
    ],
    [
      404,
      'Not Found',
      /^CAPI at \S+ answered metrics with status 404, .*; check the base URL of CAPI, which ends in \/v3: "Not Found"$/,
    ],
    [500, 'busy', /^CAPI at \S+ answered metrics with status 500, expected 200: "busy"$/],
    [502, '', /with status 502, expected 200$/],
  ])('with %i says what may help: %s', async (status, text, message) => {
    const { api } = await serve(say(text, status))
    expect((await errorOf(calls.pushMetrics(api))).message).toMatch(message)
  })

  it('says what is answered where it is no message of CAPI’s, and little of it', async () => {
    const { api } = await serve(say({ error: 'x'.repeat(3000) }, 500))
    const { message } = await errorOf(calls.pushMetrics(api))
    expect(message).toContain('"{\\"error\\":\\"xxx')
    expect(message.length).toBeLessThan(400)
  })

  it('that breaks off is one all the same', async () => {
    const { api } = await serve((response) => {
      response.writeHead(403, { 'content-length': '100' })
      response.write('{"message"', () => response.destroy())
    })
    expect(await errorOf(calls.pushMetrics(api))).toMatchObject({ code: 'ERR_CSB_CAPI_AUTH', status: 403 })
  })

  it('hides a secret also where quotes in it are escaped', async () => {
    const password = 'p4ss"w0rd\\p4ss'
    const { api } = await serve(say({ message: password }, 400))
    const error = await errorOf(api.register({ machineId: MACHINE, password, ...call }))
    expect(error.message).toContain('[hidden]')
    expect(error.message).not.toContain('w0rd')
  })
})

describe('every call', () => {
  const names = ['register', 'login', 'enroll', 'pushSignals', 'pushMetrics', 'decisions'] as const

  it.each([
    ['register', 204],
    ['enroll', 202],
    ['pushSignals', 200],
    ['pushMetrics', 200],
  ] as const)('%s: nothing at all, with %i, is an answer', async (name, status) => {
    const { api } = await serve((response) => response.writeHead(status).end())
    await expect(calls[name](api)).resolves.not.toThrow()
  })

  it.each(names)('%s: each status has its code, and waits as long as it is asked to', async (name) => {
    const { api } = await serve((response) => answers.shift()?.(response))
    const answers: Answer[] = []
    for (const status of [300, 400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504]) {
      answers.push(say({ message: 'no', errors: held[name] }, status, { 'retry-after': '7' }))
      const auth = name === 'enroll' && status === 403 ? 'ERR_CSB_CAPI_ENROLL' : 'ERR_CSB_CAPI_AUTH'
      const code = status === 401 || status === 403 ? auth : 'ERR_CSB_CAPI_STATUS'
      const message = expect.stringMatching(/\(?status \d+.*: "no: \[hidden\]/)
      expect(await errorOf(calls[name](api))).toMatchObject({ code, status, retryAfter: 7000, message })
    }
  })

  it.each(names)('%s: a redirect is an error that names the path, and is not followed', async (name) => {
    const { api, seen } = await serve(say('', 302, { location: '/v3/elsewhere?signature=0123456789' }))
    const error = await errorOf(calls[name](api))
    expect(error).toMatchObject({ code: 'ERR_CSB_CAPI_STATUS', status: 302 })
    expect(error.message).toContain('redirects are not followed')
    expect(error.message).toContain(seen[0].url?.replace('/v3/', ''))
    expect(seen).toHaveLength(1)
  })

  it.each(names)('%s: a page of a portal, with 200, is no answer', async (name) => {
    const page = `<html><a href="https://portal.example/?signature=0123456789">Log in</a>${TOKEN}</html>`
    const { api } = await serve(say(page, 200, { 'content-type': 'text/html' }))
    const error = await errorOf(calls[name](api))
    expect(error).toMatchObject({ code: 'ERR_CSB_CAPI_BODY', status: 200 })
    expect(error.message).toContain('<html>')
    expect(error.message.length).toBeLessThan(400)
  })

  const answerOf = (name: (typeof names)[number]) =>
    name === 'decisions' ? { new: [] } : name === 'login' ? { token: TOKEN } : { message: 'OK' }

  it.each(names)('%s: an answer in gzip is one', async (name) => {
    const { api } = await serve((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' })
      response.end(gzipSync(JSON.stringify(answerOf(name))))
    })
    await expect(calls[name](api)).resolves.not.toThrow()
  })

  it.each(names)('%s: so is a refusal in gzip, and one that cannot be unpacked', async (name) => {
    const bodies = [gzipSync('{"message":"no such thing"}'), Buffer.from('x')]
    const { api } = await serve((response) =>
      response.writeHead(500, { 'content-encoding': 'gzip' }).end(bodies.shift()),
    )
    const code = 'ERR_CSB_CAPI_STATUS'
    const first = await errorOf(calls[name](api))
    expect(first).toMatchObject({ code, status: 500, message: expect.stringContaining('no such thing') })
    expect(await errorOf(calls[name](api))).toMatchObject({ code, status: 500 })
  })

  it.each(names)('%s: one in another coding, or in broken gzip, is none', async (name) => {
    const { api } = await serve((response) => {
      response.writeHead(200, { 'content-encoding': codings.shift() })
      response.end(JSON.stringify(answerOf(name)))
    })
    const codings = ['br', 'gzip']
    const expected = [/expected content-encoding gzip or none, got "br"$/, /its gzip cannot be unpacked \(Z_DATA_ERROR/]
    for (const message of expected) {
      expect(await errorOf(calls[name](api))).toMatchObject({
        code: 'ERR_CSB_CAPI_BODY',
        status: 200,
        message: expect.stringMatching(message),
      })
    }
  })

  it.each(names.filter((name) => name !== 'decisions'))('%s: its limit is of what is unpacked', async (name) => {
    const { api } = await serve((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(gzipSync(JSON.stringify({ ...answerOf(name), more: 'x'.repeat(70_000) })))
    })
    expect((await errorOf(calls[name](api))).message).toContain('expected at most 65536 bytes')
  })

  it.each(
    names.flatMap((name) =>
      ['<html>400 Bad Request</html>', '', '[]', '"no"', '{"error":"no"}', '{"message":5}'].map(
        (body) => [name, body] as const,
      ),
    ),
  )('%s: a 400 with %j is none of CAPI', async (name, body) => {
    const { api } = await serve(say(body, 400, { 'retry-after': '7' }))
    const error = await errorOf(calls[name](api))
    expect(error).toMatchObject({ code: 'ERR_CSB_CAPI_BODY', status: 400, retryAfter: 7000 })
    expect(error.message).toMatch(/ with status 400, expected 200 or a JSON object with a message(?:: |$)/)
  })

  it.each(names)('%s: a 400 that says much is one of CAPI all the same', async (name) => {
    const { api } = await serve(say({ message: 'Invalid request body', errors: 'x'.repeat(30_000) }, 400))
    expect(await errorOf(calls[name](api))).toMatchObject({ code: 'ERR_CSB_CAPI_STATUS', status: 400 })
  })

  it.each(names)('%s: neither is half an answer', async (name) => {
    const { api } = await serve(say('{"message":"O'))
    expect(await errorOf(calls[name](api))).toMatchObject({ code: 'ERR_CSB_CAPI_BODY' })
  })

  it.each(names.filter((name) => name !== 'decisions'))('%s: nor is one that is far too long', async (name) => {
    const { api } = await serve(say({ message: 'x'.repeat(70_000), token: OPAQUE }))
    const { code, message } = await errorOf(calls[name](api))
    expect([code, message]).toEqual(['ERR_CSB_CAPI_BODY', expect.stringContaining('expected at most 65536 bytes')])
  })

  it.each(names)('%s: gives up when told to, and when it takes too long', async (name) => {
    const stop = new AbortController()
    const { api } = await serve(() => stop.abort(new Error('stopped')))
    expect((await errorOf(calls[name](api, { ...call, signal: stop.signal }))).message).toBe('stopped')
    expect(await errorOf(calls[name](api, { ...call, deadline: 20 }))).toMatchObject({ code: 'ERR_CSB_TIMEOUT' })
  })

  it.each(names)('%s: is an error where nobody answers', async (name) => {
    const { api } = await serve((response) => response.destroy())
    expect(await errorOf(calls[name](api))).toMatchObject({ code: 'ERR_CSB_CONNECTION_LOST' })
  })
})

describe('decisions', () => {
  const blocklist = { name: 'b', url: 'https://lists.example/b', remediation: 'ban', scope: 'ip', duration: '24h' }
  const allowlist = { name: 'a', url: 'https://lists.example/a' }

  async function read(answer: unknown): Promise<CapiDecisions> {
    const { api } = await serve(say(answer))
    return api.decisions(TOKEN, call)
  }

  it('are what the answer holds', async () => {
    const answer = {
      new: [{ scenario: 'acme/a', scope: 'ip', decisions: [{ value: '1.2.3.4', duration: '167h58m1s' }], more: 1 }],
      deleted: [{ scope: 'ip', decisions: ['5.6.7.8'] }],
      links: {
        blocklists: [blocklist],
        allowlists: [{ ...allowlist, id: 'i', description: 'd', created_at: 'c', updated_at: 'u' }],
      },
      more: {},
    }
    expect(await read(answer)).toEqual({
      new: [{ scenario: 'acme/a', scope: 'ip', decisions: [{ value: '1.2.3.4', duration: '167h58m1s' }] }],
      deleted: answer.deleted,
      hasLinks: true,
      ...answer.links,
      skipped: 0,
    })
  })

  const empty = { new: [], deleted: [], hasLinks: false, blocklists: [], allowlists: [], skipped: 0 }
  it.each([
    [{ new: null, deleted: null, links: null }, false],
    [{ new: null }, false],
    [{ deleted: [] }, false],
    [{ links: null }, false],
    [{ new: [], links: {} }, true],
    [{ links: { blocklists: null, allowlists: [] } }, true],
  ])('are empty where the answer is %j, which has links: %s', async (answer, hasLinks) => {
    expect(await read(answer)).toEqual({ ...empty, hasLinks })
  })

  it('keep groups that are empty', async () => {
    const group = { scenario: 'acme/a', scope: 'ip' }
    const { new: groups } = await read({ new: [group, { ...group, decisions: null }, { ...group, decisions: [] }] })
    expect(groups).toEqual(Array.from({ length: 3 }, () => ({ ...group, decisions: [] })))
  })

  it('pass over what is not of their shape, and count it', async () => {
    const good = { value: '1.2.3.4', duration: '1h' }
    const warned: string[] = []
    const { url } = await serve(
      say({
        new: [
          {
            scenario: 'acme/a',
            scope: 'ip',
            decisions: [good, null, 5, 'x', [], {}, { value: 1, duration: '1h' }, { value: 'x' }],
          }, // 7
          { scenario: 5, scope: 'ip', decisions: [good] }, // 1
          { scenario: 'acme/a', decisions: [good] }, // 1
          { scenario: 'acme/a', scope: 'ip', decisions: 'all' }, // 1
          { scenario: 'acme/a', scope: 'ip', decisions: { 0: good } }, // 1
          null, // 1
          [[good]], // 1
        ],
        deleted: [{ scope: 'ip', decisions: ['5.6.7.8', good, null] }, 'x'], // 3
        links: { blocklists: [blocklist, { ...blocklist, url: null }, 'x'], allowlists: [{ ...allowlist, id: 5 }, {}] }, // 3
      }),
    )
    const api = new CapiApi({
      baseUrl: url,
      userAgent: 'x/v1',
      logger: { ...silentLogger, warn: (text) => warned.push(text) },
    })
    onTestFinished(() => api.close())
    expect(await api.decisions(TOKEN, call)).toEqual({
      new: [{ scenario: 'acme/a', scope: 'ip', decisions: [good] }],
      deleted: [{ scope: 'ip', decisions: ['5.6.7.8'] }],
      hasLinks: true,
      blocklists: [blocklist],
      allowlists: [allowlist],
      skipped: 19,
    })
    expect(warned).toEqual(['19 groups, values or links of the decisions of CAPI cannot be read'])
  })

  it.each<[string, unknown]>([
    ['a section that is no list', { new: {} }],
    ['links that are a list', { links: [] }],
    ['a list', []],
    ['a text', '"none"'],
    ['nothing at all', ''],
    ['null', null],
    ['an object of nothing', {}],
    ['a message', { message: 'Internal error' }],
    ['one whose prototype has the names', '{"__proto__":{"new":[]}}'],
    // Version 2, which has no groups.
    [
      'decisions without groups',
      { new: [{ value: '1.2.3.4', duration: '1h', scenario: 'a/b', scope: 'ip', origin: 'CAPI', type: 'ban' }] },
    ],
    [
      'half an answer',
      `{"links":{"blocklists":[{"name":"b","url":"https:\\/\\/x.example\\/b?signature=0123456789","new":[[`,
    ],
  ])('refuse %s', async (_, answer) => {
    expect(await errorOf(read(answer))).toMatchObject({ code: 'ERR_CSB_CAPI_BODY', status: 200 })
  })

  it('show the beginning of an answer that is refused, however much comes', async () => {
    const { api } = await serve(say(`{"links":${' '.repeat(1 << 20)}"https://x.example/b?signature=0123456789"`))
    expect((await errorOf(api.decisions(TOKEN, call))).message).toContain('{\\"links\\":')
  })

  it('may be tens of thousands', async () => {
    const decisions = Array.from({ length: 60_000 }, (_, i) => ({
      value: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
      duration: `${i}s`,
    }))
    const groups = [0, 1].map((half) => ({
      scenario: `acme/${half}`,
      scope: 'ip',
      decisions: decisions.slice(half * 30_000, (half + 1) * 30_000),
    }))
    expect(await read({ new: groups })).toEqual({ ...empty, new: groups })
  })
})
