/** What stands between a client and CAPI: gateways that answer in its place, and those that pack its answers. */

import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type BlocklistLink, flatDecisions } from '../../src/capi-client.js'
import { ListServer } from '../capi/list-server.js'
import { connect, machineIdOf } from './connected-client.js'

const ONE = machineIdOf('one')
const TWO = machineIdOf('two')
const PAGE = '<html><h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port</html>'

describe('a 400 that is not of CAPI', () => {
  const page = { kind: 'status', status: 400, body: PAGE, headers: { 'content-type': 'text/html' } } as const

  it.each(['watchers', 'watchers/login', 'signals'])('to %s only puts the machine off', async (path) => {
    const { client, capi, queue, advance } = await connect({ client: { maxRetries: 0 } })
    await queue('one', 3)
    capi.fault(page, { match: (request) => request.path === `/v3/${path}` })
    const report = await client.sendSignals()
    expect(report).toMatchObject({ sent: 0, quarantined: 0, remaining: 3 })
    expect(report.failures).toMatchObject([{ error: { code: 'ERR_CSB_CAPI_BODY', status: 400 } }])
    expect((await client.machines()).map(({ standing }) => standing.state)).toEqual(['backing off'])
    expect(await client.breaker()).toBeNull()
    expect(client.counts.logins.refused).toBe(0)
    capi.heal()
    advance(15 * 60_000)
    expect(await client.sendSignals()).toMatchObject({ sent: 3, remaining: 0 })
    expect((await client.machines()).map(({ standing }) => standing.state)).toEqual(['active'])
  })

  it.each(['watchers', 'watchers/login'])('to %s is told from one that is', async (path) => {
    const { client, capi, queue } = await connect({ client: { maxRetries: 0 } })
    await queue('one', 3)
    capi.fault(
      { ...page, body: '{"message":"Invalid request body"}' },
      { match: (request) => request.path === `/v3/${path}` },
    )
    await client.sendSignals()
    expect((await client.machines()).map(({ standing }) => standing.state)).toEqual(['blocked'])
  })
})

describe('an enrollment with 403', () => {
  const options = { name: 'web', attachmentKey: 'key1' }
  const enrolls = (body: string) => {
    return [
      { kind: 'status', status: 403, body },
      { match: ({ path }: { readonly path: string }) => path.endsWith('/enroll') },
    ] as const
  }

  it.each([
    ['Forbidden', 'watchers/enroll is refused by CAPI', 2],
    ['Invalid key', 'watchers/enroll is refused by CAPI', 2],
    ['The attachment key is not valid', 'The attachment key is refused by CAPI', 1],
  ])('that says "%s" fails by itself, and nobody pauses', async (text, message, requests) => {
    const { client, capi, queue, trail } = await connect({ capi: { attachmentKeys: ['key1'] } })
    await client.login(ONE)
    await client.login(TWO)
    capi.fault(...enrolls(JSON.stringify({ message: text })))
    trail()
    const results = await client.enrollMachines([ONE, TWO], options)
    const failed = {
      outcome: 'failed',
      error: { code: 'ERR_CSB_CAPI_ENROLL', message: expect.stringContaining(message) },
    }
    expect(results).toMatchObject([failed, failed])
    expect(trail()).toEqual(Array(requests).fill('POST watchers/enroll 403'))
    expect(await client.breaker()).toBeNull()
    expect((await client.machines()).map(({ standing }) => standing.state)).toEqual(['active', 'active'])
    await queue('one', 2)
    expect(await client.sendSignals()).toMatchObject({ sent: 2, failures: [] })
    capi.heal()
    expect(await client.enrollMachines([ONE, TWO], options)).toMatchObject([
      { outcome: 'accepted' },
      { outcome: 'accepted' },
    ])
  })

  it('that does not speak of the key ends no pause', async () => {
    const { client, capi, advance, storage } = await connect({ capi: { attachmentKeys: ['key1'] } })
    await client.login(ONE)
    capi.fault({ kind: 'status', status: 403 }, { times: 1, match: ({ path }) => path.endsWith('/stream') })
    await expect(client.getDecisions(ONE)).rejects.toMatchObject({ status: 403 })
    advance(59 * 60_000)
    await expect(client.enrollMachines([ONE], options)).resolves.toMatchObject([
      { error: { code: 'ERR_CSB_CAPI_BLOCKED' } },
    ])
    capi.fault(...enrolls('{"message":"Forbidden"}'))
    advance(2 * 60_000)
    await expect(client.enrollMachines([ONE], options)).resolves.toMatchObject([
      { error: { code: 'ERR_CSB_CAPI_ENROLL' } },
    ])
    expect(await storage.machines.breaker()).not.toBeNull()
    capi.heal()
    await client.getDecisions(ONE)
    expect(await storage.machines.breaker()).toBeNull()
  })
})

describe('answers in gzip', () => {
  it.each(['when asked', 'always'] as const)('(%s) are read like any others', async (gzip) => {
    const { client, capi, queue } = await connect({ capi: { gzip }, client: { allowPrivateLinks: true } })
    capi.setCommunity([{ value: '192.0.2.1' }])
    capi.addBlocklist({ name: 'list', values: ['192.0.2.2', '192.0.2.3'] })
    await queue('one', 2)
    expect(await client.sendSignals()).toEqual({ sent: 2, quarantined: 0, remaining: 0, failures: [] })
    const decisions = await client.getDecisions(ONE)
    expect([...flatDecisions(decisions)].map(({ value }) => value)).toEqual(['192.0.2.1'])
    expect([...((await client.downloadBlocklist(decisions.blocklists[0])) ?? [])]).toEqual(['192.0.2.2', '192.0.2.3'])
    expect(new Set(capi.requests.map(({ headers }) => headers['accept-encoding']))).toEqual(new Set(['gzip']))
  })
})

describe('an answer to getDecisions', () => {
  it.each([[{ message: 'Internal error' }], [{}], [null]])('that is %j is none', async (body) => {
    const { client, capi } = await connect()
    await client.login(ONE)
    capi.fault({ kind: 'garbage', body: JSON.stringify(body) })
    await expect(client.getDecisions(ONE)).rejects.toMatchObject({ code: 'ERR_CSB_CAPI_BODY', status: 200 })
  })

  it('says whether it speaks of links', async () => {
    const { client } = await connect()
    expect(await client.getDecisions(ONE)).toMatchObject({ hasLinks: true, blocklists: [] })
    expect(await client.getDecisions(ONE, { additionalPull: false })).toMatchObject({ hasLinks: false, blocklists: [] })
  })
})

describe('a blocklist that is none', () => {
  async function download(body: string | Buffer, headers: Readonly<Record<string, string>> = {}, scope = 'ip') {
    const { client } = await connect({ client: { allowPrivateLinks: true } })
    const server = await ListServer.start()
    server.on('/list', (_, response) => void response.writeHead(200, headers).end(body))
    const link: BlocklistLink = { name: 'list', url: server.url('/list'), remediation: 'ban', scope, duration: '24h' }
    return [...((await client.downloadBlocklist(link)) ?? [])]
  }
  const html = '<html>\n<body>log in to the wifi</body>\n</html>'

  it.each([
    ['a page', html, {}],
    ['a page in gzip', gzipSync(html), { 'content-encoding': 'gzip' }],
  ])('but %s is refused', async (_name, body, headers) => {
    await expect(download(body, headers)).rejects.toMatchObject({
      code: 'ERR_CSB_CAPI_LINK',
      message: 'The list "list" is not used: not one of its 3 lines is an entry; line 1: "<html>"',
    })
  })

  it.each([
    ['one with an entry among bad lines', `${html}\n192.0.2.1 # why\n`, 'ip', [...html.split('\n'), '192.0.2.1 # why']],
    ['an empty one', '', 'ip', []],
    ['one of comments', '# none\n', 'ip', []],
    ['one of countries', 'FR\nDE', 'country', ['FR', 'DE']],
  ])('unlike %s', async (_name, body, scope, values) => {
    expect(await download(body, {}, scope)).toEqual(values)
  })

  it('is found out without holding up the event loop', async () => {
    let turns = 0
    let isOver = false
    const turn = () => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const failure = await download('<p>no entry</p>\n'.repeat(500_000)).catch((error: unknown) => error)
    expect(failure).toMatchObject({ message: expect.stringContaining('not one of its 500000 lines') })
    isOver = true
    expect(turns).toBeGreaterThan(50)
  })
})
