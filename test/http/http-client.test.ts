/** The transport against servers of bare sockets and of node:http, on loopback. */

import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { inspect, promisify } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { HttpClient, type HttpRequest, type HttpResponse } from '../../src/http/http-client.js'
import { canHang, hangingPort } from './hanging-port.js'

const SECRET = 'hunter2-hunter2'
const never = new AbortController().signal

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function serve(listener: RequestListener): Promise<number> {
  const server = createHttpServer(listener)
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return portOf(server)
}

/** Answers the first bytes of every connection with `text` and then does `then` to it. */
async function serveRaw(text: string, then: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', () => (text === '' ? then(socket) : socket.write(text, () => then(socket))))
  })
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return portOf(server)
}

function clientOf(port: number, path = ''): HttpClient {
  const client = new HttpClient({ baseUrl: `http://127.0.0.1:${port}${path}`, headers: { 'x-api-key': SECRET } })
  onTestFinished(() => client.close())
  return client
}

const get = (client: HttpClient, over: Partial<HttpRequest> = {}): Promise<HttpResponse> =>
  client.get({ path: 'v1/things', deadline: 5000, signal: never, ...over })

async function bodyOf(client: HttpClient, over: Partial<HttpRequest> = {}): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await get(client, over)).body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('where it asks', () => {
  it.each([
    ['', '/v1/things?a=b+%26c'],
    ['/', '/v1/things?a=b+%26c'],
    ['/crowdsec/lapi', '/crowdsec/lapi/v1/things?a=b+%26c'],
    ['/crowdsec/lapi/', '/crowdsec/lapi/v1/things?a=b+%26c'],
  ])('a base URL that ends in "%s"', async (path, asked) => {
    const port = await serve((request, response) => response.end(`${request.url} ${request.headers['x-api-key']}`))
    const client = clientOf(port, path)
    expect(await bodyOf(client, { query: { a: 'b &c' } })).toBe(`${asked} ${SECRET}`)
    expect(client.target).toBe(`http://127.0.0.1:${port}${path.replace(/\/$/, '')}/`)
  })

  it('does not follow a redirect: the key must not go where the base URL does not lead', async () => {
    let asked = 0
    const port = await serve((_request, response) => {
      asked++
      response.writeHead(301, { location: '/elsewhere' }).end()
    })
    const response = await get(clientOf(port))
    response.discard()
    expect([response.status, asked]).toEqual([301, 1])
  })
})

const head = 'HTTP/1.1 200 OK\r\n'
const reset = (socket: Socket) => void socket.resetAndDestroy()
const close = (socket: Socket) => void socket.destroy()
const silence = () => {}

describe('failures', () => {
  it.each([
    ['a reset before the head', '', reset, 'ERR_CSB_CONNECTION_LOST'],
    ['an end before the head', '', close, 'ERR_CSB_CONNECTION_LOST'],
    ['an end within the head', 'HTTP/1.1 200 OK\r\nConte', close, 'ERR_CSB_CONNECTION_LOST'],
    ['something that is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', silence, 'ERR_CSB_CONNECTION_LOST'],
    ['the secret, and no HTTP', `${SECRET}\r\n\r\n`, silence, 'ERR_CSB_CONNECTION_LOST'],
    [
      'the secret where the size of a chunk should be',
      `${head}Transfer-Encoding: chunked\r\n\r\n${SECRET}\r\n`,
      silence,
      'ERR_CSB_CONNECTION_LOST',
    ],
    ['less than Content-Length', `${head}Content-Length: 9\r\n\r\nabc`, close, 'ERR_CSB_CONNECTION_LOST'],
    ['an end within chunks', `${head}Transfer-Encoding: chunked\r\n\r\n9\r\nabc`, close, 'ERR_CSB_CONNECTION_LOST'],
    [
      'chunks without the last',
      `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
      close,
      'ERR_CSB_CONNECTION_LOST',
    ],
    ['a reset within the body', `${head}Content-Length: 9\r\n\r\nabc`, reset, 'ERR_CSB_CONNECTION_LOST'],
    ['no head', '', silence, 'ERR_CSB_TIMEOUT'],
    ['half a head', 'HTTP/1.1 200 OK\r\nConte', silence, 'ERR_CSB_TIMEOUT'],
    ['half a body', `${head}Content-Length: 9\r\n\r\nabc`, silence, 'ERR_CSB_TIMEOUT'],
  ] as const)('%s', async (_name, text, then, code) => {
    const client = clientOf(await serveRaw(text, then))
    const failure: unknown = await bodyOf(client, { deadline: 300 }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'BouncerError', code, message: expect.stringContaining(client.target) })
    expect(inspect(failure, { depth: 20, showHidden: true })).not.toContain(SECRET)
    expect(String(failure)).not.toContain('undefined')
  })

  it.each(['127.0.0.1', 'localhost'])('nothing listens at %s', async (host) => {
    const server = createServer()
    const port = await portOf(server)
    server.close()
    await once(server, 'close')
    const client = new HttpClient({ baseUrl: `http://${host}:${port}`, headers: {} })
    onTestFinished(() => client.close())
    await expect(get(client)).rejects.toMatchObject({
      code: 'ERR_CSB_CONNECT',
      message: `Nothing answers at http://${host}:${port}/ (ECONNREFUSED)`,
    })
  })

  it('a body that ends with the connection ends there: its reader has to know what is whole', async () => {
    const port = await serveRaw(`${head}Connection: close\r\n\r\nabc`, (socket) => void socket.end())
    expect(await bodyOf(clientOf(port))).toBe('abc')
  })
})

it.each([2 ** 31, Number.POSITIVE_INFINITY])('a deadline of %d ms is later than any answer', async (deadline) => {
  const port = await serve((_request, response) => void setTimeout(() => response.end('abc'), 20))
  expect(await bodyOf(clientOf(port), { deadline })).toBe('abc')
})

describe('the caller gives up', () => {
  const reason = new Error('enough')

  it.each([
    ['before it begins', '', 0],
    ['while the head is awaited', '', 50],
    ['within the body', `${head}Content-Length: 9\r\n\r\nabc`, 50],
  ])('%s', async (_name, text, ms) => {
    const abort = new AbortController()
    if (ms === 0) abort.abort(reason)
    else setTimeout(() => abort.abort(reason), ms)
    const client = clientOf(await serveRaw(text, silence))
    await expect(bodyOf(client, { signal: abort.signal })).rejects.toBe(reason)
  })
})

describe.runIf(canHang)('a connect that hangs', () => {
  it('ends with the deadline', async () => {
    const client = clientOf(await hangingPort())
    const began = performance.now()
    await expect(get(client, { deadline: 200 })).rejects.toMatchObject({ code: 'ERR_CSB_TIMEOUT' })
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it('ends when the caller gives up', async () => {
    const abort = new AbortController()
    setTimeout(() => abort.abort(new Error('enough')), 50)
    const client = clientOf(await hangingPort())
    await expect(get(client, { signal: abort.signal })).rejects.toThrow('enough')
  })

  it('is not left behind by close()', async () => {
    const client = clientOf(await hangingPort())
    await vi.waitFor(() => expect(connecting()).toBe(2)) // those of the port itself
    const failed = expect(get(client, { deadline: 200 })).rejects.toThrow()
    await vi.waitFor(() => expect(connecting()).toBe(3))
    await failed
    expect(connecting()).toBe(3)
    await client.close()
    await vi.waitFor(() => expect(connecting()).toBe(2))
  })
})

function connecting(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'ConnectWrap').length
}

describe('what stays behind', () => {
  it('no listeners pile up over many connections', async () => {
    const warnings: string[] = []
    const note = (warning: Error) => void warnings.push(warning.message)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    const port = await serve((_request, response) => response.writeHead(200, { connection: 'close' }).end('abc'))
    const client = clientOf(port)
    const { signal } = new AbortController()
    for (let i = 0; i < 30; i++) expect(await bodyOf(client, { signal })).toBe('abc')
    await new Promise(setImmediate)
    expect(warnings).toEqual([])
  })

  it.each([
    ['fails', '', close],
    ['is not read to its end', `${head}Content-Length: 9\r\n\r\nabc`, silence],
  ] as const)('no deadline keeps the process alive after an exchange that %s', async (_how, text, then) => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const client = clientOf(await serveRaw(text, then))
    const before = timers()
    const response = await get(client, { deadline: 600_000 }).catch(() => null)
    response?.discard()
    expect(timers()).toBeLessThanOrEqual(before)
  })

  it('close() closes connections that are kept for later, too', async () => {
    const server = createHttpServer((_request, response) => response.end('abc'))
    onTestFinished(() => void server.close())
    const client = clientOf(await portOf(server))
    const connections = () => promisify(server.getConnections.bind(server))()
    await bodyOf(client)
    expect(await connections()).toBe(1)
    await client.close()
    await vi.waitFor(async () => expect(await connections()).toBe(0))
  })

  it('connections are used again', async () => {
    const ports = new Set<number | undefined>()
    const port = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end('abc')
    })
    const client = clientOf(port)
    for (let i = 0; i < 20; i++) await bodyOf(client)
    expect(ports.size).toBeLessThanOrEqual(4)
  })
})

describe('an excerpt', () => {
  it.each([
    ['abc', 'abc'],
    ['', ''],
    ['x'.repeat(500), 'x'.repeat(200)],
    ['x'.repeat(300_000), 'x'.repeat(200)],
  ])('of %#', async (body, excerpt) => {
    const port = await serve((_request, response) => response.writeHead(500).end(body))
    const response = await get(clientOf(port))
    expect(await response.excerpt(200)).toBe(excerpt)
    response.discard()
  })
})
