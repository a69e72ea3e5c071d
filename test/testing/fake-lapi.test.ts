/** FakeLapi over real HTTP: what is new in the shape of 1.7.8, the faults, the log, and what tests do to it from behind. */

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { type BodyShape, FakeLapi, type FakeLapiOptions, type Fault } from '../../src/testing/index.js'

const stream = '/v1/decisions/stream'
const everything = `${stream}?startup=true`
const noon = Date.UTC(2026, 0, 1, 12)

let lapi: FakeLapi
afterEach(() => lapi?.stop())

async function start(bodyShape: BodyShape, options: FakeLapiOptions = {}): Promise<FakeLapi> {
  // A clock that stands still: durations are the same in every run, but for the microseconds that each event takes.
  lapi = await FakeLapi.start({ now: () => noon, ...options, bodyShape })
  return lapi
}

interface Sent {
  readonly method?: string
  readonly key?: string
  readonly from?: string
  readonly userAgent?: string
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** The answer's head as soon as it is there; the body is read by `bodyOf`. */
async function open(path: string, sent: Sent = {}): Promise<IncomingMessage> {
  const headers = { 'X-Api-Key': sent.key ?? lapi.apiKey, 'User-Agent': sent.userAgent ?? 'unit/v1', ...sent.headers }
  const localAddress = sent.from ?? '127.0.0.1'
  const outgoing = request(lapi.url + path, { method: sent.method ?? 'GET', headers, localAddress, agent: false })
  outgoing.end(sent.body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  return answer
}

async function get(path: string, sent: Sent = {}): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await open(path, sent)
  return { status: answer.statusCode ?? 0, body: await text(answer) }
}

interface WireDecision {
  readonly id: number
  readonly value: string
  readonly duration: string
  readonly uuid?: string
}

/** A stream answer in short: values of `new`, and of `deleted` after a minus. */
async function pull(path = stream, sent: Sent = {}): Promise<string> {
  const { body } = await get(path, sent)
  const lists = JSON.parse(body) as Readonly<Record<'new' | 'deleted', readonly WireDecision[] | null>>
  return [
    ...(lists.new ?? []).map(({ value }) => value),
    ...(lists.deleted ?? []).map(({ value }) => `-${value}`),
  ].join(' ')
}

describe('bodies', () => {
  it('1.4.6: one document, null for empty, nanoseconds, no uuid', async () => {
    await start('1.4.6')
    expect((await get(everything)).body).toBe('{"deleted":null,"new":null}')
    lapi.add({ value: '1.2.3.4', duration: '4h', scenario: 'a <b> & "c"' })
    const { body } = await get(everything)
    expect(body).toMatch(
      /^\{"deleted":null,"new":\[\{"duration":"3h59m59\.9999\d*s","id":1,"origin":"cscli","scenario":"a \\u003cb\\u003e \\u0026 \\"c\\"","scope":"Ip","type":"ban","value":"1\.2\.3\.4"\}\]\}$/,
    )
  })

  it('1.7.8: new first, spaces, [] for empty, whole seconds, a uuid where LAPI has one, always chunked', async () => {
    await start('1.7.8')
    const empty = await open(everything)
    expect(empty.headers).toMatchObject({ 'content-type': 'application/json', 'transfer-encoding': 'chunked' })
    expect(await text(empty)).toBe('{"new": [], "deleted": []}')
    lapi.add({ value: '1.2.3.4', duration: '4h' })
    lapi.add({ value: '1.2.3.5', duration: '-7.6s', origin: 'CAPI' })
    const { body } = await get(everything)
    expect(body.replace(/"uuid":"[0-9a-f-]{36}"/, '"uuid":"U"')).toBe(
      '{"new": [{"duration":"4h0m0s","id":1,"origin":"cscli","scenario":"manual","scope":"Ip","type":"ban","uuid":"U","value":"1.2.3.4"}], ' +
        '"deleted": [{"duration":"-8s","id":2,"origin":"CAPI","scenario":"manual","scope":"Ip","type":"ban","value":"1.2.3.5"}]}',
    )
  })

  it.each<BodyShape>(['1.4.6', '1.7.8'])('%s: a live answer is null, or an array without uuid', async (shape) => {
    await start(shape)
    expect(await get('/v1/decisions?ip=1.2.3.4')).toEqual({ status: 200, body: 'null' })
    lapi.add({ value: '1.2.3.0/24', scope: 'Range', duration: '1h' })
    expect(JSON.parse((await get('/v1/decisions?ip=1.2.3.4')).body)).toEqual([
      {
        id: 1,
        value: '1.2.3.0/24',
        scope: 'Range',
        type: 'ban',
        origin: 'cscli',
        scenario: 'manual',
        duration: expect.any(String),
      },
    ])
  })

  it.each<BodyShape>(['1.4.6', '1.7.8'])('%s: 100,000 decisions arrive whole, in pieces', async (shape) => {
    await start(shape)
    lapi.bulk(100_000, (index) => ({ value: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, duration: '1h' }))
    const answer = await open(everything)
    expect(answer.headers['transfer-encoding']).toBe('chunked')
    let pieces = 0
    answer.on('data', () => pieces++)
    const body = JSON.parse(await text(answer)) as { readonly new: readonly WireDecision[] }
    expect(body.new.map(({ id }) => id)).toEqual(Array.from({ length: 100_000 }, (_, index) => index + 1))
    expect(pieces).toBeGreaterThan(100)
    expect(await pull()).toBe('')
  })
})

describe('what 1.7.8 does otherwise than 1.4.6', () => {
  it.each<[BodyShape, string]>([
    ['1.4.6', ''],
    ['1.7.8', '1.1.1.1'],
  ])('%s: the first delta of a fresh bouncer brings "%s"', async (shape, expected) => {
    await start(shape)
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    lapi.addBouncer('late', 'key-late')
    expect(await pull(stream, { key: 'key-late' })).toBe(expected)
  })

  it.each<[BodyShape, string, readonly string[]]>([
    ['1.4.6', '', ['bouncer']],
    ['1.7.8', '1.1.1.2', ['bouncer', 'bouncer@127.0.0.2']],
  ])('%s: a second address with the same key gets "%s"', async (shape, expected, names) => {
    await start(shape)
    await pull(everything)
    await pull(everything, { from: '127.0.0.2' })
    lapi.add({ value: '1.1.1.2', duration: '1h' })
    expect(await pull()).toBe('1.1.1.2')
    expect(await pull(stream, { from: '127.0.0.2' })).toBe(expected)
    expect(await pull(stream, { from: '127.0.0.2' })).toBe('')
    expect(lapi.bouncers().map(({ name }) => name)).toEqual(names)
  })

  it.each<[BodyShape, string]>([
    ['1.4.6', ''],
    ['1.7.8', '1.1.1.1'],
  ])('%s: after a HEAD of the stream a delta brings "%s"', async (shape, expected) => {
    await start(shape)
    await pull()
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    await get(stream, { method: 'HEAD' })
    expect(await pull()).toBe(expected)
  })

  it.each<[BodyShape, string]>([
    ['1.4.6', '1.1.1.1'],
    ['1.7.8', '1.1.1.1 1.1.1.1'],
  ])('%s: equal decisions come as "%s"', async (shape, expected) => {
    await start(shape)
    lapi.bulk(2, () => ({ value: '1.1.1.1', duration: '1h' }))
    expect(await pull(everything)).toBe(expected)
  })

  it.each<[BodyShape, string]>([
    ['1.4.6', '1.1.1.2 1.1.1.1'],
    ['1.7.8', '1.1.1.1 1.1.1.2'],
  ])('%s: the order of 1 (2h) and 2 (1h) is "%s"', async (shape, expected) => {
    await start(shape)
    lapi.add({ value: '1.1.1.1', duration: '2h' })
    lapi.add({ value: '1.1.1.2', duration: '1h' })
    expect(await pull(everything)).toBe(expected)
  })

  it('a bad filter value is 500 in 1.4.6; in 1.7.8 it is 200, empty, and last_pull stays', async () => {
    await start('1.4.6')
    expect(await get(`${everything}&ip=x`)).toEqual({
      status: 500,
      body: '{"message":"get all decisions with filters: unable to query"}',
    })
    await lapi.stop()
    await start('1.7.8')
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    expect(await get(`${everything}&ip=x`)).toEqual({ status: 200, body: '{"new": [], "deleted": []}' })
    expect(await pull()).toBe('1.1.1.1')
  })

  it('scope is an alias of scopes, added to the default of the stream', async () => {
    await start('1.7.8')
    lapi.add({ value: 'FR', scope: 'Country', duration: '1h' })
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    expect(await pull(`${everything}&scope=ip`)).toBe('1.1.1.1')
    expect(await pull(`${everything}&scope=country`)).toBe('')
    expect(await pull(`${everything}&scopes=country`)).toBe('FR')
    expect(JSON.parse((await get('/v1/decisions?scope=country')).body)).toHaveLength(1)
  })

  const component = {
    version: 'v1',
    utc_startup_timestamp: 1,
    metrics: [{ items: [], meta: { window_size_seconds: 1, utc_now_timestamp: 2 } }],
  }
  it.each<[string, BodyShape, unknown, number]>([
    ['does not exist', '1.4.6', { remediation_components: [component] }, 404],
    ['accepts one component', '1.7.8', { remediation_components: [component], log_processors: null }, 201],
    ['refuses two', '1.7.8', { remediation_components: [component, component] }, 400],
    ['refuses none', '1.7.8', {}, 400],
    [
      'refuses metrics that are not an array',
      '1.7.8',
      { remediation_components: [{ ...component, metrics: {} }] },
      400,
    ],
    [
      'refuses feature_flags that are not an array',
      '1.7.8',
      { remediation_components: [{ ...component, feature_flags: {} }] },
      400,
    ],
    ['misses the version', '1.7.8', { remediation_components: [{ ...component, version: undefined }] }, 422],
    ['misses the window', '1.7.8', { remediation_components: [{ ...component, metrics: [{ items: [] }] }] }, 422],
  ])('usage-metrics %s (%s)', async (_what, shape, body, status) => {
    await start(shape)
    expect((await get('/v1/usage-metrics', { method: 'POST', body: JSON.stringify(body) })).status).toBe(status)
  })

  it('takes a gzipped usage-metrics body, and needs a key', async () => {
    await start('1.7.8')
    const body = gzipSync(JSON.stringify({ remediation_components: [component] }))
    const sent = { method: 'POST', body, headers: { 'Content-Encoding': 'gzip' } }
    expect((await get('/v1/usage-metrics', sent)).status).toBe(201)
    expect(lapi.requests.at(-1)?.body).toContain('utc_startup_timestamp')
    expect((await get('/v1/usage-metrics', { ...sent, key: 'wrong' })).status).toBe(403)
  })
})

describe('from behind', () => {
  it('deletes so that bouncers hear of it, again until a pull comes two seconds later', async () => {
    await start('1.7.8')
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    lapi.add({ value: '1.1.1.1', type: 'captcha', duration: '1h' })
    expect(await pull(everything)).toBe('1.1.1.1 1.1.1.1')
    expect(lapi.delete({ value: '1.1.1.1', type: 'ban' })).toBe(1)
    expect(lapi.delete({ value: '1.1.1.1', type: 'ban' })).toBe(0)
    expect(await pull()).toBe('-1.1.1.1')
    lapi.advance(1999)
    expect(await pull()).toBe('-1.1.1.1')
    lapi.advance(2)
    expect(await pull()).toBe('-1.1.1.1')
    expect(await pull()).toBe('')
    expect(lapi.active().map(({ type }) => type)).toEqual(['captcha'])
  })

  it('purges without a word', async () => {
    await start('1.7.8')
    lapi.bulk(3, (index) => ({ value: `1.1.1.${index}`, duration: '1h' }))
    await pull(everything)
    expect(lapi.purge({ value: '1.1.1.1' })).toBe(1)
    expect(await pull()).toBe('')
    expect(await pull(everything)).toBe('1.1.1.0 1.1.1.2')
    expect(lapi.purge({})).toBe(2)
    expect(lapi.active()).toEqual([])
  })

  it('lets decisions run out', async () => {
    await start('1.7.8')
    lapi.add({ value: '1.1.1.1', duration: 10_000 })
    await pull(everything)
    lapi.advance(9_999)
    expect(lapi.active().map(({ duration }) => duration)).toEqual(['0s'])
    lapi.advance(2)
    expect(lapi.active()).toEqual([])
    expect(await pull()).toBe('-1.1.1.1')
  })

  it('wipes the database: ids start again, keys stay or go', async () => {
    await start('1.7.8')
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    await pull(everything)
    lapi.wipe()
    expect(lapi.add({ value: '1.1.1.2', duration: '1h' })).toBe(1)
    expect(await pull()).toBe('1.1.1.2')
    lapi.wipe('lost')
    expect(await get(stream)).toEqual({ status: 403, body: '{"message":"access forbidden"}' })
  })

  it('adds and removes bouncers, and notes who they are', async () => {
    await start('1.7.8', { apiKeys: { a: 'key-a', b: 'key-b' } })
    await pull(stream, { key: 'key-a', userAgent: 'crowdsec-nodejs-bouncer/v1.2.3' })
    await pull(stream, { key: 'key-b', userAgent: 'a/b/c' })
    expect(lapi.bouncers()).toMatchObject([
      { name: 'a', address: '127.0.0.1', type: 'crowdsec-nodejs-bouncer', version: 'v1.2.3' },
      { name: 'b', type: 'a/b/c', version: 'N/A' },
    ])
    lapi.removeBouncer('a')
    expect((await get(stream, { key: 'key-a' })).status).toBe(403)
    expect(() => lapi.addBouncer('b', 'other')).toThrow(/already exists/)
  })

  it('goes down and comes up on the same port, with everything that it knew', async () => {
    await start('1.7.8')
    const { url } = lapi
    await pull(everything)
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    await lapi.down()
    await expect(get(stream)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await lapi.up()
    expect(lapi.url).toBe(url)
    expect(await pull()).toBe('1.1.1.1')
  })

  it('logs requests and tells when they come and when they are answered', async () => {
    await start('1.7.8', { startupDelay: 1000 })
    const arrival = lapi.nextRequest()
    const answer = lapi.nextAnswer(({ path }) => path === '/health')
    const slow = get(`${everything}&scopes=ip`).catch((error: NodeJS.ErrnoException) => error.code)
    const logged = await arrival
    expect(logged).toMatchObject({ method: 'GET', url: `${everything}&scopes=ip`, path: stream, status: null })
    expect(logged.query.get('scopes')).toBe('ip')
    expect(logged.headers['x-api-key']).toBe(lapi.apiKey)
    await get('/health')
    expect(await answer).toMatchObject({ path: '/health', status: 200 })
    expect(lapi.requests.map(({ path }) => path)).toEqual([stream, '/health'])
    await lapi.stop()
    expect(await slow).toBe('ECONNRESET')
  })
})

describe('faults', () => {
  const tell = async (path: string): Promise<string> =>
    get(path).then(
      ({ status, body }) => `${status} ${body}`,
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    )

  it.each<[Fault, RegExp]>([
    [{ kind: 'down' }, /^ECONNRESET$/],
    [{ kind: 'slow', ms: 5 }, /^200 \{"new": \[\{.*\}\]\}?/],
    [{ kind: 'cut', afterBytes: 20 }, /^ECONNRESET$/],
    [{ kind: 'cut', afterBytes: 1e9 }, /^ECONNRESET$/],
    [{ kind: 'cut', afterBytes: 0 }, /^ECONNRESET$/],
    [{ kind: 'garbage', body: '{"new": [' }, /^200 \{"new": \[$/],
    [{ kind: 'status', status: 403 }, /^403 \{"message":"access forbidden"\}$/],
    [{ kind: 'status', status: 429, headers: { 'Retry-After': '7' } }, /^429 /],
    [{ kind: 'status', status: 500, body: 'oops' }, /^500 oops$/],
    [{ kind: 'html' }, /^200 <!DOCTYPE html>/],
    [{ kind: 'html', status: 502 }, /^502 <!DOCTYPE html>/],
  ])('%o', async (fault, expected) => {
    await start('1.7.8')
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    lapi.fault(fault, { times: 1 })
    expect((await get('/health')).status).toBe(200)
    expect(await tell(everything)).toMatch(expected)
    expect(await tell(everything)).toMatch(/^200 \{"new": \[\{.*1\.1\.1\.1/)
  })

  it('a header of a status fault arrives', async () => {
    await start('1.7.8')
    lapi.fault({ kind: 'status', status: 429, headers: { 'Retry-After': '7' } })
    expect((await open(stream)).headers['retry-after']).toBe('7')
  })

  it('a cut sends exactly the asked bytes of the true body', async () => {
    await start('1.7.8')
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    lapi.fault({ kind: 'cut', afterBytes: 20 })
    const answer = await open(everything)
    let got = ''
    answer.setEncoding('utf8').on('data', (piece: string) => {
      got += piece
    })
    const [error] = await once(answer, 'error')
    expect(error).toMatchObject({ code: 'ECONNRESET' })
    expect(got).toBe('{"new": [{"duration"')
  })

  it('a stall sends a part and then nothing, until the client gives up', async () => {
    await start('1.7.8')
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    lapi.fault({ kind: 'stall', afterBytes: 9 }, { times: 1 })
    const finished = lapi.nextAnswer()
    const answer = await open(everything)
    const [piece] = (await once(answer, 'data')) as [Buffer]
    expect(piece.toString()).toBe('{"new": [')
    answer.destroy()
    await finished
    expect(await pull()).toBe('1.1.1.1')
  })

  it.each<[BodyShape, string]>([
    ['1.4.6', ''],
    ['1.7.8', '1.1.1.1'],
  ])('%s: after a cut delta the next one brings "%s"', async (shape, expected) => {
    await start(shape)
    await pull(everything)
    lapi.add({ value: '1.1.1.1', duration: '1h' })
    lapi.fault({ kind: 'cut', afterBytes: 5 }, { times: 1 })
    await tell(stream)
    expect(await pull()).toBe(expected)
  })

  it('a truncated answer is valid JSON with a part of new; last_pull stays', async () => {
    await start('1.7.8')
    lapi.bulk(4, (index) => ({ value: `1.1.1.${index}`, duration: '1h' }))
    lapi.delete({ value: '1.1.1.3' })
    lapi.fault({ kind: 'truncated' }, { times: 1 })
    lapi.fault({ kind: 'truncated', keep: 0 }, { times: 1 })
    // Another key: a live query would count as the first pull of this one.
    lapi.addBouncer('live', 'key-live')
    expect(JSON.parse((await get('/v1/decisions', { key: 'key-live' })).body)).toHaveLength(3)
    expect(await pull(everything)).toBe('1.1.1.0')
    expect(await pull(everything)).toBe('')
    expect(await pull()).toBe('1.1.1.0 1.1.1.1 1.1.1.2 -1.1.1.3')
  })

  it('strikes as often as asked, in line, until healed', async () => {
    await start('1.7.8')
    lapi.fault({ kind: 'status', status: 500 }, { times: 2 })
    lapi.fault({ kind: 'status', status: 429 })
    const seen: number[] = []
    for (let round = 0; round < 5; round++) seen.push((await get(stream)).status)
    lapi.heal()
    seen.push((await get(stream)).status)
    expect(seen).toEqual([500, 500, 429, 429, 429, 200])
    expect(lapi.requests.map(({ status }) => status)).toEqual(seen)
  })
})
