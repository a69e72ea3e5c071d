/** FakeCapi over real HTTP: each of its rules, the faults, and what tests read from behind. */

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { buffer, text } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { type CapiFault, FakeCapi, type FakeCapiOptions, type TokenShape } from '../../src/testing/index.js'

const noon = Date.UTC(2026, 0, 1, 12)
const minute = 60_000
const machineId = 'm'.repeat(48)
const password = 'correct-horse'

let capi: FakeCapi
afterEach(() => capi?.stop())

async function start(options: FakeCapiOptions = {}): Promise<FakeCapi> {
  capi = await FakeCapi.start({ now: () => noon, machines: { [machineId]: password }, ...options })
  return capi
}

interface Sent {
  readonly method?: string
  readonly body?: unknown
  readonly raw?: string | Buffer
  readonly token?: string
  readonly from?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function open(path: string, sent: Sent = {}): Promise<IncomingMessage> {
  const body = sent.raw ?? (sent.body === undefined ? undefined : JSON.stringify(sent.body))
  const authorization = sent.token === undefined ? {} : { Authorization: `Bearer ${sent.token}` }
  const headers = { 'User-Agent': 'unit/v1', ...authorization, ...sent.headers }
  const outgoing = request(path.startsWith('http') ? path : capi.url + path, {
    method: sent.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== '')),
    localAddress: sent.from ?? '127.0.0.1',
    agent: false,
  })
  outgoing.end(body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  return answer
}

async function ask(path: string, sent: Sent = {}): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await open(path, sent)
  return { status: answer.statusCode ?? 0, body: await text(answer) }
}

/** Status and message of an answer in one line, or the error of the connection. */
function tell(path: string, sent: Sent = {}): Promise<string> {
  return ask(path, sent).then(
    ({ status, body }) => `${status} ${body}`,
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  )
}

const statusOf = async (path: string, sent: Sent = {}) => (await ask(path, sent)).status

function login(more: Partial<Sent> & { readonly body?: object } = {}): Promise<{ status: number; body: string }> {
  return ask('/v3/watchers/login', { ...more, body: { machine_id: machineId, password, ...more.body } })
}

async function token(): Promise<string> {
  const { body } = await login()
  return (JSON.parse(body) as { token: string }).token
}

function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

const signal = {
  message: '',
  scenario: 'crowdsecurity/ssh-bf',
  scenario_hash: '',
  scenario_version: '',
  source: { scope: 'ip', value: '192.0.2.1' },
  start_at: '2026-01-01T12:00:00Z',
  stop_at: '2026-01-01T12:00:00Z',
}
const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ ...signal, uuid: `uuid-${from + index}` }))

describe.each(['v2', 'v3'])('register, /%s', (version) => {
  const cases: readonly (readonly [what: string, body: unknown, answer: RegExp])[] = [
    ['a new id', { machine_id: 'a'.repeat(48), password }, /^200 \{"message":"OK"\}$/],
    ['an id of any length', { machine_id: 'a1', password }, /^200 /],
    ['a known id', { machine_id: machineId, password }, /^500 \{"message":"User already registered\."\}$/],
    ['another character', { machine_id: 'a-b', password }, /^400 .*"errors":"machine_id: letters and digits only"/],
    ['no id', { password }, /^400 \{"message":"Invalid request body","errors":"machine_id: /],
    ['no password', { machine_id: 'a1' }, /^400 .*password/],
    ['an empty password', { machine_id: 'a1', password: '' }, /^400 .*password/],
    ['an array', [], /^400 /],
  ]
  it.each(cases)('%s', async (_, body, answer) => {
    await start()
    expect(await tell(`/${version}/watchers`, { body })).toMatch(answer)
  })

  it('no JSON', async () => {
    await start()
    expect(await tell(`/${version}/watchers`, { raw: '{"machine_id"' })).toBe(
      '400 {"message":"Invalid request body","errors":"the body is not JSON"}',
    )
  })
})

describe('login', () => {
  const bad = '{"message":"The machine_id or password is incorrect"}'
  it.each<[string, FakeCapiOptions, object, RegExp]>([
    ['right', {}, {}, /^200 \{"code":200,"expire":"2026-01-01T13:00:00\.\d{3}Z","token":"[\w.-]+"\}$/],
    ['wrong password', {}, { password: 'x' }, new RegExp(`^403 ${bad}$`)],
    ['unknown id', {}, { machine_id: 'x'.repeat(48) }, new RegExp(`^403 ${bad}$`)],
    ['wrong password, 401', { badLogin: 401 }, { password: 'x' }, new RegExp(`^401 ${bad}$`)],
    ['47 characters', {}, { machine_id: 'm'.repeat(47) }, /^400 .*machine_id/],
    ['57 characters, as prefixed ids have', {}, { machine_id: 'm'.repeat(57) }, /^400 .*machine_id/],
    ['any length', { machineIdRule: 'any', machines: { m1: password } }, { machine_id: 'm1' }, /^200 /],
    ['scenarios as one text', {}, { scenarios: 'a,b' }, /^400 .*scenarios/],
  ])('%s', async (_, options, body, answer) => {
    await start(options)
    const got = await login({ body })
    expect(`${got.status} ${got.body}`).toMatch(answer)
  })

  it('remembers the scenarios of the latest login', async () => {
    await start()
    await login({ body: { scenarios: ['a/b', 'c/d'] } })
    expect(capi.machines()).toEqual([{ machineId, password, scenarios: ['a/b', 'c/d'], logins: 1, enrollment: null }])
    await login()
    expect(capi.machines()[0]).toMatchObject({ scenarios: [], logins: 2 })
  })

  it('gives a JWT that says whose it is and when it ends', async () => {
    await start({ tokenLifetime: 10 * minute })
    const exp = noon / 1000 + 600
    expect(claimsOf(await token())).toMatchObject({ 'cognito:username': machineId, iat: noon / 1000, exp })
    expect(await token()).not.toBe(await token())
  })

  it.each<[TokenShape, readonly string[], unknown, unknown]>([
    ['normal', ['code', 'expire', 'token'], expect.any(String), expect.any(Number)],
    ['no exp', ['code', 'expire', 'token'], expect.any(String), undefined],
    ['no expiry', ['code', 'token'], expect.any(String), undefined],
    ['null', ['code', 'expire', 'token'], null, undefined],
    ['missing', ['code', 'expire'], undefined, undefined],
  ])('token %s', async (tokenShape, fields, tokenMatch, exp) => {
    await start({ tokenShape })
    const { status, body } = await login()
    const answer = JSON.parse(body) as Record<string, unknown>
    expect(status).toBe(200)
    expect(Object.keys(answer)).toEqual(fields)
    expect(answer['token']).toEqual(tokenMatch)
    if (typeof answer['token'] !== 'string') return
    expect(claimsOf(answer['token'])['exp']).toEqual(exp)
    expect(await statusOf('/v3/decisions/stream', { token: answer['token'] })).toBe(200)
  })

  it('resets a password, and the tokens with it', async () => {
    await start()
    const old = await token()
    const reset = (body: object) => statusOf('/v3/watchers/reset', { body })
    expect(await reset({ machine_id: 'x'.repeat(48), password: 'new' })).toBe(404)
    expect(await reset({ machine_id: 'short', password: 'new' })).toBe(400)
    expect(await reset({ machine_id: machineId, password: 'new' })).toBe(200)
    expect((await login()).status).toBe(403)
    expect((await login({ body: { password: 'new' } })).status).toBe(200)
    expect(await statusOf('/v3/decisions/stream', { token: old })).toBe(401)
  })
})

describe('too many logins', () => {
  const logins = async (count: number, more: Partial<Sent> & { readonly body?: object } = {}) => {
    const seen: number[] = []
    for (let round = 0; round < count; round++) seen.push((await login(more)).status)
    return seen
  }
  const all = (count: number, status: number) => Array.from({ length: count }, () => status)

  it('20 in 50 minutes are well, the 21st brings an hour of 403', async () => {
    await start()
    expect(await logins(22)).toEqual([...all(20, 200), 403, 403])
    expect((await login()).body).toBe('{"message":"Forbidden"}')
    capi.advance(60 * minute - 1000)
    expect(await logins(1)).toEqual([403])
    capi.advance(1001)
    expect(await logins(21)).toEqual([...all(20, 200), 403])
  })

  it('logins older than 50 minutes do not count', async () => {
    await start()
    await logins(10)
    capi.advance(30 * minute)
    await logins(10)
    capi.advance(20 * minute)
    expect(await logins(11)).toEqual([...all(10, 200), 403])
  })

  it('failed ones count', async () => {
    await start({ badLogin: 401 })
    await logins(20, { body: { password: 'x' } })
    expect(await logins(1)).toEqual([403])
  })

  it('each address has its own budget', async () => {
    await start()
    await logins(21)
    expect(await logins(1, { from: '127.0.0.2' })).toEqual([200])
  })

  it.each([
    ['logins', 200],
    ['requests', 403],
    ['off', 200],
  ] as const)('throttle %s: a request with a good token gets %i', async (throttle, status) => {
    await start({ throttle })
    const good = await token()
    await logins(20)
    expect((await login()).status).toBe(throttle === 'off' ? 200 : 403)
    expect(await statusOf('/v3/signals', { token: good, body: [signal] })).toBe(status)
  })

  it('can be forgotten', async () => {
    await start()
    await logins(21)
    capi.forgetLogins()
    expect(await logins(1)).toEqual([200])
  })
})

describe('who may ask', () => {
  const unauthorized = '401 {"message":"Unauthorized"}'
  const stream = '/v3/decisions/stream'

  it('takes Bearer, and the bare token of the Python SDK', async () => {
    await start()
    const good = await token()
    expect(await statusOf(stream, { token: good })).toBe(200)
    expect(await statusOf(stream, { headers: { Authorization: good } })).toBe(200)
    expect(await statusOf('/v2/decisions/stream', { token: good })).toBe(200)
  })

  it('refuses no token, a made-up one, an expired one and a revoked one', async () => {
    await start()
    expect(await tell(stream)).toBe(unauthorized)
    expect(await tell(stream, { token: 'a.b.c' })).toBe(unauthorized)
    const good = await token()
    capi.advance(60 * minute - 1000)
    expect(await statusOf(stream, { token: good })).toBe(200)
    capi.advance(1001)
    expect(await tell(stream, { token: good })).toBe(unauthorized)
    const next = await token()
    capi.revokeTokens('other')
    expect(await statusOf(stream, { token: next })).toBe(200)
    capi.revokeTokens(machineId)
    expect(await tell(stream, { token: next })).toBe(unauthorized)
  })

  it.each([
    ['POST', '/v3/signals'],
    ['POST', '/v3/metrics'],
    ['POST', '/v3/usage-metrics'],
    ['POST', '/v3/watchers/enroll'],
  ])('%s %s wants a token before it looks at the body', async (_, path) => {
    await start()
    expect(await tell(path, { raw: '{' })).toBe(unauthorized)
  })

  it('refuses who does not say what it is', async () => {
    await start()
    expect(await tell('/v3/watchers/login', { body: {}, headers: { 'User-Agent': '' } })).toBe(
      '403 {"message":"Forbidden"}',
    )
  })

  it.each([
    ['GET', '/v3/nothing'],
    ['GET', '/v3/signals'],
    ['POST', '/v3/decisions/stream'],
    ['GET', '/v1/decisions/stream'],
    ['GET', '/'],
    ['POST', '/v3/signals/'],
    ['POST', '/v2/usage-metrics'],
    ['POST', '/v3/constructor'],
  ])('%s %s is not there', async (method, path) => {
    await start()
    expect(await tell(path, { method, token: await token() })).toBe('404 {"message":"Not Found"}')
  })
})

describe('enroll', () => {
  const key = 'key123'
  const enroll = async (body: object) => tell('/v3/watchers/enroll', { token: await token(), body })

  it.each<[string, object, RegExp]>([
    ['the right key', { attachment_key: key, name: 'n', tags: ['a'], overwrite: false }, /^202 /],
    ['the key alone', { attachment_key: key }, /^202 /],
    ['another key', { attachment_key: 'other' }, /^403 \{"message":"The attachment key is not valid"\}$/],
    ['no key', { name: 'n' }, /^400 .*attachment_key/],
    ['a key with other characters', { attachment_key: 'k-1' }, /^400 .*attachment_key/],
    ['tags as one text', { attachment_key: key, tags: 'a' }, /^400 .*tags/],
  ])('%s', async (_, body, answer) => {
    await start({ attachmentKeys: [key] })
    expect(await enroll(body)).toMatch(answer)
  })

  it('says 200 and changes nothing the second time, unless told to overwrite', async () => {
    await start({ attachmentKeys: [key] })
    expect(await enroll({ attachment_key: key, name: 'first', tags: ['a'] })).toMatch(/^202/)
    expect(await enroll({ attachment_key: key, name: 'second' })).toMatch(/^200 .*already enrolled/)
    const first = { attachmentKey: key, name: 'first', tags: ['a'] }
    expect(capi.machines()[0]?.enrollment).toEqual(first)
    expect(await enroll({ attachment_key: key, name: 'third', overwrite: true })).toMatch(/^202/)
    expect(capi.machines()[0]?.enrollment).toEqual({ attachmentKey: key, name: 'third', tags: [] })
  })
})

describe('signals', () => {
  const push = async (body: unknown, more: Sent = {}) => tell('/v3/signals', { token: await token(), body, ...more })
  const full = {
    ...signal,
    uuid: 'u',
    machine_id: 'm1',
    created_at: '2026-01-01T12:00:00Z',
    scenario_trust: 'manual',
    alert_id: 7,
    kind: 'waf',
    context: [{ key: 'path', value: '/' }],
    source: {
      scope: 'ip',
      value: '192.0.2.1',
      ip: '192.0.2.1',
      range: '192.0.2.0/24',
      as_number: '64500',
      as_name: 'ACME',
      cn: 'FR',
      latitude: 48.8,
      longitude: 2.3,
    },
    decisions: [
      {
        id: 0,
        duration: '4h',
        origin: 'crowdsec',
        scenario: 's',
        scope: 'ip',
        type: 'ban',
        value: '192.0.2.1',
        uuid: 'd',
        until: '2026-01-01T16:00:00Z',
        simulated: false,
      },
    ],
  }
  const without = (field: string) => Object.fromEntries(Object.entries(full).filter(([name]) => name !== field))
  const decision = (change: object) => ({ ...full, decisions: [{ ...full.decisions[0], ...change }] })
  const source = (change: object) => ({ ...full, source: { ...full.source, ...change } })

  /** Each against a lenient and a strict server: the status that it gets. */
  it.each<[string, unknown, number, number]>([
    ['what must be', signal, 200, 200],
    ['every field', full, 200, 200],
    ['a field of its own', { ...full, sent: false }, 200, 400],
    ['a source with a field of its own', source({ asn: 1 }), 200, 400],
    ['null where nothing need be', { ...full, context: null, decisions: null }, 200, 400],
    ['a source with null', source({ range: null }), 200, 400],
    ['null where something must be', { ...full, message: null }, 400, 400],
    ...['message', 'scenario', 'scenario_hash', 'scenario_version', 'source', 'start_at', 'stop_at'].map(
      (field): [string, unknown, number, number] => [`no ${field}`, without(field), 400, 400],
    ),
    ...['created_at', 'machine_id', 'uuid', 'scenario_trust', 'alert_id', 'context', 'decisions', 'kind'].map(
      (field): [string, unknown, number, number] => [`no ${field}`, without(field), 200, 200],
    ),
    ['alert_id as text', { ...full, alert_id: '7' }, 400, 400],
    ['alert_id with a fraction', { ...full, alert_id: 7.5 }, 400, 400],
    ['uuid as number', { ...full, uuid: 7 }, 400, 400],
    ['start_at as number', { ...full, start_at: 7 }, 400, 400],
    ['as_number as number', source({ as_number: 64500 }), 400, 400],
    ['latitude as text', source({ latitude: '48' }), 400, 400],
    ['a source without value', { ...full, source: { scope: 'ip' } }, 400, 400],
    ['a source as text', { ...full, source: '192.0.2.1' }, 400, 400],
    ['a decision without id', decision({ id: undefined }), 400, 400],
    ['a decision without type', decision({ type: undefined }), 400, 400],
    ['context with a number', { ...full, context: [{ key: 'n', value: 7 }] }, 400, 400],
    ['a text', 'signal', 400, 400],
  ])('%s', async (_, body, lenient, strict) => {
    const wanted = { lenient, strict }
    for (const kind of ['lenient', 'strict'] as const) {
      await start({ strict: kind === 'strict' })
      expect(await push([signal, body]), kind).toMatch(new RegExp(`^${wanted[kind]} `))
      expect(capi.signals.length, kind).toBe(wanted[kind] === 200 ? 2 : 0)
      await capi.stop()
    }
  })

  it('keeps what it accepts: as sent, by whom, when and in which batch', async () => {
    const seen: number[] = []
    await start({ onSignals: (batch) => seen.push(batch.length) })
    expect(await push([full, { ...signal, extra: [1] }])).toBe('200 {"message":"OK"}')
    capi.advance(minute)
    expect(await push([{ ...signal, uuid: 'u' }])).toMatch(/^200/)
    expect(capi.signals.map((one) => one.signal)).toEqual([full, { ...signal, extra: [1] }, { ...signal, uuid: 'u' }])
    expect(capi.signals.map(({ uuid, batch, machineId: who }) => `${uuid} ${batch} ${who[0]}`)).toEqual([
      'u 1 m',
      'null 1 m',
      'u 2 m',
    ])
    expect(capi.signalsOf('u').map(({ at }) => Math.round(at - noon))).toEqual([0, minute])
    expect(capi.duplicates()).toEqual([capi.signals[2]])
    expect([...capi.uuids()]).toEqual(['u'])
    expect(seen).toEqual([2, 1])
  })

  it.each<[FakeCapiOptions, number, RegExp]>([
    [{}, 0, /^200/],
    [{}, 250, /^200/],
    [{}, 251, /^400 .*250/],
    [{ batchLimit: 2 }, 2, /^200/],
    [{ batchLimit: 2 }, 3, /^400/],
  ])('%o: a batch of %i', async (options, count, answer) => {
    await start(options)
    expect(await push(numbered(count))).toMatch(answer)
  })

  it.each([400, 413, 422] as const)('a bad signal spoils its batch with %i, and is named', async (onPoison) => {
    await start({ onPoison })
    const answer = await push([...numbered(3), { ...signal, scenario: 7 }])
    expect(answer).toMatch(new RegExp(`^${onPoison} \\{"message":"Invalid request body","errors":"3\\.scenario: `))
    expect(await push({ ...signal })).toMatch(/^400/)
    expect(capi.signals).toEqual([])
  })

  it('reads gzip', async () => {
    await start()
    const raw = gzipSync(JSON.stringify([signal]))
    expect(await push(undefined, { raw, headers: { 'Content-Encoding': 'gzip' }, token: await token() })).toMatch(
      /^200/,
    )
    expect(capi.signals).toHaveLength(1)
  })
})

describe('reports', () => {
  it.each(['/v2/metrics', '/v2/metrics/', '/v3/metrics', '/v3/metrics/'])('%s', async (path) => {
    await start()
    const sent = { token: await token() }
    const body = { apil_version: 'v1', bouncers: [{ custom_name: 'b', last_pull: 'now' }], machines: [] }
    expect(await tell(path, { ...sent, body })).toBe('200 {"message":"OK"}')
    expect(capi.metrics).toEqual([{ machineId, at: expect.closeTo(noon, 0), body }])
    for (const bad of [{ bouncers: [] }, { machines: [] }, { bouncers: [{ name: 7 }], machines: [] }, []]) {
      expect(await statusOf(path, { ...sent, body: bad })).toBe(400)
    }
    expect(capi.metrics).toHaveLength(1)
  })

  it('usage metrics', async () => {
    await start()
    const body = { remediation_components: [{ name: 'x' }] }
    expect(await statusOf('/v3/usage-metrics', { token: await token(), body })).toBe(200)
    expect(capi.usageMetrics).toEqual([{ machineId, at: expect.closeTo(noon, 0), body }])
  })
})

describe('decisions', () => {
  const pull = async (path: string) => {
    const answer = await open(path, { token: await token() })
    expect(answer.headers['content-type']).toBe('application/json')
    return JSON.parse(await text(answer)) as {
      readonly new: readonly object[]
      readonly deleted: readonly object[]
      readonly links?: Readonly<Record<'blocklists' | 'allowlists', readonly { readonly url: string }[]>>
    }
  }
  const stock = () => {
    capi.setCommunity([
      { value: '192.0.2.1' },
      { value: '192.0.2.2', duration: '1h' },
      { value: '198.51.100.0/24', scope: 'range', scenario: 'x/y' },
      { value: '192.0.2.3' },
    ])
    capi.delete('192.0.2.3')
    capi.delete('203.0.113.0/24', 'range')
    capi.addBlocklist({ name: 'tor', remediation: 'captcha', duration: '12h', values: ['203.0.113.1', '203.0.113.2'] })
    capi.addAllowlist({ name: 'ours', description: 'us', entries: ['192.0.2.9'] })
  }
  const signed = (path: string) =>
    expect.stringMatching(new RegExp(`^${capi.url}${path}\\?.*&X-Amz-Signature=[0-9a-f]{64}$`))

  it('v3: grouped, with links', async () => {
    await start()
    expect(await pull('/v3/decisions/stream')).toEqual({
      new: [],
      deleted: [],
      links: { blocklists: [], allowlists: [] },
    })
    stock()
    expect(await pull('/v3/decisions/stream?startup=true')).toEqual({
      new: [
        {
          scenario: 'crowdsecurity/ssh-bf',
          scope: 'ip',
          decisions: [
            { value: '192.0.2.1', duration: '168h' },
            { value: '192.0.2.2', duration: '1h' },
          ],
        },
        { scenario: 'x/y', scope: 'range', decisions: [{ value: '198.51.100.0/24', duration: '168h' }] },
      ],
      deleted: [
        { scope: 'ip', decisions: ['192.0.2.3'] },
        { scope: 'range', decisions: ['203.0.113.0/24'] },
      ],
      links: {
        blocklists: [
          { name: 'tor', url: signed('/blocklists/tor'), remediation: 'captcha', scope: 'ip', duration: '12h' },
        ],
        allowlists: [
          {
            name: 'ours',
            description: 'us',
            url: signed('/allowlists/ours'),
            id: expect.any(String),
            created_at: '2026-01-01T12:00:00.000Z',
            updated_at: '2026-01-01T12:00:00.000Z',
          },
        ],
      },
    })
  })

  it('v2: flat, the lists among the rest', async () => {
    await start()
    expect(await pull('/v2/decisions/stream')).toEqual({ new: [], deleted: [] })
    stock()
    const ban = { origin: 'CAPI', type: 'ban' }
    const tor = { origin: 'lists', type: 'captcha', scope: 'ip', scenario: 'tor', duration: '12h' }
    const ssh = { ...ban, scope: 'ip', scenario: 'crowdsecurity/ssh-bf' }
    expect(await pull('/v2/decisions/stream')).toEqual({
      new: [
        { ...ssh, value: '192.0.2.1', duration: '168h' },
        { ...ssh, value: '192.0.2.2', duration: '1h' },
        { ...ban, scope: 'range', scenario: 'x/y', value: '198.51.100.0/24', duration: '168h' },
        { ...tor, value: '203.0.113.1' },
        { ...tor, value: '203.0.113.2' },
      ],
      deleted: [
        { ...ban, scope: 'ip', scenario: 'deleted', value: '192.0.2.3', duration: '0s' },
        { ...ban, scope: 'range', scenario: 'deleted', value: '203.0.113.0/24', duration: '0s' },
      ],
    })
  })

  it('honours community_pull and additional_pull', async () => {
    await start()
    stock()
    const shape = async (query: string) => {
      const { links, ...lists } = await pull(`/v3/decisions/stream${query}`)
      return `${lists.new.length} ${lists.deleted.length} ${links?.blocklists.length}`
    }
    expect(await shape('?community_pull=true&additional_pull=true')).toBe('2 2 1')
    expect(await shape('?community_pull=false')).toBe('0 0 1')
    expect(await shape('?additional_pull=false')).toBe('2 2 undefined')
    expect((await pull('/v2/decisions/stream?community_pull=false')).new).toHaveLength(2)
    expect((await pull('/v2/decisions/stream?additional_pull=false')).new).toHaveLength(3)
  })

  it('a deletion stays until the value is set again; a list until it is removed', async () => {
    await start()
    stock()
    capi.setCommunity([{ value: '192.0.2.3' }])
    capi.removeBlocklist('tor')
    capi.removeAllowlist('ours')
    const { new: added, deleted, links } = await pull('/v3/decisions/stream')
    expect(added).toMatchObject([{ decisions: [{ value: '192.0.2.3' }] }])
    expect(deleted).toEqual([{ scope: 'range', decisions: ['203.0.113.0/24'] }])
    expect(links).toEqual({ blocklists: [], allowlists: [] })
  })

  it('200,000 decisions leave in pieces', async () => {
    await start()
    const values = Array.from({ length: 200_000 }, (_, index) => ({
      value: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    }))
    capi.setCommunity(values)
    const answer = await open('/v3/decisions/stream', { token: await token() })
    let pieces = 0
    answer.on('data', () => pieces++)
    const body = JSON.parse(await text(answer)) as {
      readonly new: readonly { readonly decisions: readonly object[] }[]
    }
    expect(body.new[0]?.decisions).toHaveLength(200_000)
    expect(pieces).toBeGreaterThan(50)
  })

  describe('links', () => {
    const urls = async () => {
      const { links } = await pull('/v3/decisions/stream')
      return [...(links?.blocklists ?? []), ...(links?.allowlists ?? [])].map(({ url }) => url)
    }

    it('hold one value a line, and JSON for allowlists', async () => {
      await start()
      stock()
      const entry = { value: '192.0.2.8', description: 'd', expiration: '2027-01-01T00:00:00Z' }
      capi.addAllowlist({ name: 'ours', entries: ['192.0.2.9', entry] })
      const [blocklist = '', allowlist = ''] = await urls()
      expect(await tell(blocklist)).toBe('200 203.0.113.1\n203.0.113.2\n')
      expect(await tell(allowlist)).toBe(`200 {"value":"192.0.2.9"}\n${JSON.stringify(entry)}\n`)
    })

    it('hold any text that a test likes, and lead wherever it likes', async () => {
      await start()
      capi.addBlocklist({ name: 'a b/c', body: '# comment\r\n\r\n1.2.3.4\r\n' })
      capi.addBlocklist({ name: 'away', url: 'http://10.0.0.1/list', values: [] })
      const [odd = '', away] = await urls()
      expect(await tell(odd)).toBe('200 # comment\r\n\r\n1.2.3.4\r\n')
      expect(away).toBe('http://10.0.0.1/list')
    })

    it('refuse an Authorization header, a signature that is wrong or missing, and a list that is gone', async () => {
      await start()
      stock()
      const [url = '', allowlist = ''] = await urls()
      expect(await tell(url, { token: await token() })).toMatch(/^400 .*InvalidArgument/s)
      expect(await statusOf(url.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')))).toBe(403)
      expect(await statusOf(url.replace(/\?.*/, ''))).toBe(403)
      expect(await statusOf(url.replace('blocklists', 'allowlists'))).toBe(403)
      expect(await statusOf(url, { method: 'POST' })).toBe(405)
      capi.removeBlocklist('tor')
      capi.removeAllowlist('ours')
      expect([await statusOf(url), await statusOf(allowlist)]).toEqual([404, 404])
    })

    it('answer 304 to whoever has it already', async () => {
      await start()
      stock()
      const [url = ''] = await urls()
      const since = (ms: number) => tell(url, { headers: { 'If-Modified-Since': new Date(noon + ms).toUTCString() } })
      expect((await open(url)).headers['last-modified']).toBe(new Date(noon).toUTCString())
      expect(await since(-1000)).toMatch(/^200 203/)
      expect(await since(0)).toBe('304 ')
      expect(await since(60 * minute)).toBe('304 ')
      expect(await tell(url, { headers: { 'If-Modified-Since': 'yesterday' } })).toMatch(/^200 /)
      capi.advance(10_000)
      capi.addBlocklist({ name: 'tor', values: ['203.0.113.3'] })
      expect(await since(0)).toBe('200 203.0.113.3\n')
      expect(await since(10_000)).toBe('304 ')
    })

    it('make a list of 500,000 lines while it leaves', async () => {
      await start()
      let made = 0
      function* lines(): Generator<string> {
        for (made = 0; made < 500_000; made++) yield `10.${made >> 16}.${(made >> 8) & 255}.${made & 255}\n`
      }
      capi.addBlocklist({ name: 'big', body: lines })
      const [url = ''] = await urls()
      const half = await open(url)
      await once(half, 'data')
      expect(made).toBeLessThan(500_000)
      half.destroy()
      expect((await ask(url)).body.split('\n')).toHaveLength(500_001)
    })
  })
})

describe('faults', () => {
  const push = async (path = '/v3/signals') => tell(path, { token: good, body: numbered(2) })
  let good = ''
  const startWithToken = async (options: FakeCapiOptions = {}) => {
    await start(options)
    good = await token()
  }

  it.each<[CapiFault, RegExp, number]>([
    [{ kind: 'down' }, /^ECONNRESET$/, 0],
    [{ kind: 'lost' }, /^ECONNRESET$/, 2],
    [{ kind: 'slow', ms: 5 }, /^200 \{"message":"OK"\}$/, 2],
    [{ kind: 'cut', afterBytes: 4 }, /^ECONNRESET$/, 2],
    [{ kind: 'garbage', body: '{"mess' }, /^200 \{"mess$/, 0],
    [{ kind: 'status', status: 503, headers: { 'Retry-After': '7' } }, /^503 /, 0],
    [{ kind: 'status', status: 500, body: 'oops' }, /^500 oops$/, 0],
    [{ kind: 'html' }, /^200 <!DOCTYPE html>/, 0],
    [{ kind: 'html', status: 502 }, /^502 <!DOCTYPE html>/, 0],
  ])('%o: the client sees %s, and %i signals are taken', async (fault, seen, taken) => {
    await startWithToken()
    capi.fault(fault, { times: 1 })
    expect(await push()).toMatch(seen)
    expect(capi.signals).toHaveLength(taken)
    expect(await push()).toBe('200 {"message":"OK"}')
  })

  it('an answer that is lost is none in the log either', async () => {
    await startWithToken()
    capi.fault({ kind: 'lost' }, { times: 1 })
    const answer = capi.nextAnswer(({ path }) => path === '/v3/signals')
    await push()
    expect(await answer).toMatchObject({ status: null })
  })

  it('loses the answer to a registration: the id is taken', async () => {
    await start()
    capi.fault({ kind: 'lost' }, { times: 1 })
    const body = { machine_id: 'a1', password: 'p' }
    expect(await tell('/v3/watchers', { body })).toBe('ECONNRESET')
    expect(await statusOf('/v3/watchers', { body })).toBe(500)
    expect(capi.machines().map((machine) => machine.machineId)).toEqual([machineId, 'a1'])
  })

  it('a stall leaves the connection open and silent; stop() ends it', async () => {
    await startWithToken()
    capi.fault({ kind: 'stall', afterBytes: 3 })
    const answer = await open('/v3/signals', { token: good, body: [signal] })
    const [piece] = (await once(answer, 'data')) as [Buffer]
    expect(piece.toString()).toBe('{"m')
    const end = once(answer, 'error')
    await capi.stop()
    expect(await end).toMatchObject([{ code: 'ECONNRESET' }])
  })

  it('strike where they match, each as often as asked, until healed', async () => {
    await startWithToken()
    capi.fault({ kind: 'status', status: 500 }, { times: 2, match: ({ path }) => path.endsWith('/signals') })
    capi.fault({ kind: 'status', status: 429 }, { match: ({ body }) => body.includes('uuid-1') })
    const login = await statusOf('/v3/watchers/login', { body: { machine_id: machineId, password } })
    const seen: string[] = []
    for (let round = 0; round < 4; round++) seen.push((await push()).slice(0, 3))
    capi.heal()
    seen.push((await push()).slice(0, 3))
    expect([login, ...seen]).toEqual([200, '500', '500', '429', '429', '200'])
  })

  it('by chance: about the asked share, the same for the same seed, none once healed', async () => {
    const run = async (seed: number) => {
      await start({ faultRate: { rate: 0.25, seed, kinds: [{ kind: 'status', status: 503 }, { kind: 'lost' }] } })
      const seen: string[] = []
      for (let round = 0; round < 200; round++) seen.push((await tell('/v3/nothing')).slice(0, 3))
      capi.heal()
      for (let round = 0; round < 20; round++) expect(await statusOf('/v3/nothing')).toBe(404)
      await capi.stop()
      return seen
    }
    const [first, again, other] = [await run(1), await run(1), await run(2)]
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    for (const kind of ['503', 'ECO']) {
      const share = first.filter((one) => one === kind).length / first.length
      expect(share).toBeGreaterThan(0.06)
      expect(share).toBeLessThan(0.2)
    }
  })

  it('by chance without kinds: requests fail in several ways', async () => {
    await start({ faultRate: { rate: 1, seed: 3 } })
    const seen = new Set<string>()
    for (let round = 0; round < 60; round++) seen.add((await tell('/v3/nothing')).slice(0, 3))
    expect(seen).toEqual(new Set(['ECO', '200', '500', '502', '503']))
  })

  it.each([
    [{ rate: 1.5, seed: 1 }, 'rate must be 0 to 1, got 1.5'],
    [{ rate: 0.5, seed: 1, kinds: [] }, 'kinds must name at least one fault'],
  ])('%o is refused', async (faultRate, message) => {
    await expect(FakeCapi.start({ faultRate })).rejects.toThrow(message)
  })
})

it('goes down and comes up on the same port, with machines, tokens and signals', async () => {
  await start()
  const good = await token()
  const { url } = capi
  await capi.down()
  expect(await tell('/v3/signals')).toBe('ECONNREFUSED')
  await capi.up()
  expect(capi.url).toBe(url)
  const arrival = capi.nextRequest(({ path }) => path === '/v3/signals')
  expect(await statusOf('/v3/signals', { token: good, body: [signal] })).toBe(200)
  expect(JSON.parse((await arrival).body)).toEqual([signal])
})

describe('gzip', () => {
  const asking = { headers: { 'Accept-Encoding': 'br;q=1, gzip' } }

  it.each<[FakeCapiOptions['gzip'], string, boolean]>([
    [undefined, 'gzip', false],
    ['never', 'gzip', false],
    ['when asked', 'gzip', true],
    ['when asked', 'deflate, gzip;q=0.5', true],
    ['when asked', 'gzip;q=0', false],
    ['when asked', 'gzip; q=0.0, br', false],
    ['when asked', 'x-gzip', false],
    ['when asked', '', false],
    ['always', '', true],
  ])('%s, and a client that takes "%s": %s', async (gzip, accepted, isPacked) => {
    await start(gzip === undefined ? {} : { gzip })
    const answer = await open('/v3/nothing', { headers: { 'Accept-Encoding': accepted } })
    expect(answer.headers['content-encoding']).toBe(isPacked ? 'gzip' : undefined)
    const body = await buffer(answer)
    expect((isPacked ? gunzipSync(body) : body).toString()).toBe('{"message":"Not Found"}')
  })

  it('packs decisions and lists, and nothing that is empty', async () => {
    await start({ gzip: 'always' })
    const values = Array.from({ length: 100_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
    capi.setCommunity(values.map((value) => ({ value })))
    capi.addBlocklist({ name: 'one', values })
    const unpacked = async (path: string, sent: Sent = {}) => {
      const answer = await open(path, sent)
      expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
      return gunzipSync(await buffer(answer)).toString()
    }
    const pulled = JSON.parse(
      await unpacked('/v3/decisions/stream', {
        token: JSON.parse(await unpacked('/v3/watchers/login', { body: { machine_id: machineId, password } })).token,
      }),
    )
    expect(pulled.new[0].decisions).toHaveLength(100_000)
    const [{ url }] = pulled.links.blocklists
    expect(await unpacked(url)).toBe(`${values.join('\n')}\n`)
    const unchanged = await open(url, { headers: { 'If-Modified-Since': new Date(noon).toUTCString() } })
    expect([unchanged.statusCode, unchanged.headers['content-encoding']]).toEqual([304, undefined])
  })

  it.each<[CapiFault, string]>([
    [{ kind: 'cut', afterBytes: 15 }, 'aborted'],
    [{ kind: 'cut', afterBytes: 0 }, 'aborted'],
  ])('breaks off at %j of what is packed', async (fault, message) => {
    await start({ gzip: 'when asked' })
    capi.fault(fault)
    const answer = await open('/v3/nothing', asking)
    const chunks: Buffer[] = []
    answer.on('data', (chunk: Buffer) => chunks.push(chunk))
    const [error] = await once(answer, 'error')
    expect([error.message, Buffer.concat(chunks).length]).toEqual([
      message,
      'afterBytes' in fault ? fault.afterBytes : -1,
    ])
  })
})
