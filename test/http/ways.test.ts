/** The ways to a server: a unix socket, and the proxy that the environment names. */

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { HttpClient, type HttpClientOptions } from '../../src/http/http-client.js'
import { fixture, serveHttps } from './https-server.js'

const never = new AbortController().signal

beforeEach(() => {
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toLowerCase(), undefined)
  }
})
afterEach(() => void vi.unstubAllEnvs())

function closed(server: Server): Server {
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

async function textOf(baseUrl: string, options: Partial<HttpClientOptions> = {}): Promise<string> {
  const client = new HttpClient({ baseUrl, headers: { 'x-api-key': 'k' }, ...options })
  onTestFinished(() => client.close())
  const response = await client.get({ path: 'v1/things', query: { a: 'b' }, deadline: 5000, signal: never })
  return `${response.status} ${await response.excerpt(1000)}`
}

describe('a unix socket', () => {
  const folder = () => {
    const path = mkdtempSync(join(tmpdir(), 'socket-'))
    onTestFinished(() => rmSync(path, { recursive: true, force: true }))
    return path
  }

  it.each(['unix:', 'unix://', 'http://unix:'])('%s/path', async (prefix) => {
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:1')
    const path = join(folder(), 'lapi.sock')
    const server = createServer((request, response) => response.end(`${request.headers.host} ${request.url}`))
    await once(closed(server).listen(path), 'listening')
    expect(await textOf(prefix + path)).toBe('200 localhost /v1/things?a=b')
  })

  it('that is not there is told by its path', async () => {
    const path = join(folder(), 'lapi.sock')
    await expect(textOf(`unix:${path}`)).rejects.toMatchObject({
      code: 'ERR_CSB_CONNECT',
      message: `Nothing answers at unix:${path} (ENOENT)`,
    })
  })
})

describe('the proxy of the environment', () => {
  /** Leads to loopback whatever name it is asked for; notes what it is asked for. */
  async function startProxy(status = 200): Promise<{ readonly url: string; readonly asked: string[] }> {
    const asked: string[] = []
    const proxy = createServer((request, response) => {
      const { host, pathname, search, port } = new URL(request.url ?? '')
      asked.push(`${request.method} ${host}${pathname}`)
      const { headers } = request
      httpRequest({ host: '127.0.0.1', port, path: pathname + search, headers }, (answer) => {
        response.writeHead(status === 200 ? (answer.statusCode ?? 0) : status)
        answer.pipe(response)
      }).end()
    })
    proxy.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`)
      if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      const onward = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(onward).pipe(socket)
      })
      for (const end of [socket, onward]) end.on('error', () => onward.destroy())
    })
    await once(closed(proxy).listen(0, '127.0.0.1'), 'listening')
    return { url: `http://name:word@127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked }
  }

  async function startServer(): Promise<number> {
    const server = createServer((request, response) => response.end(`${request.url} ${request.headers['x-api-key']}`))
    await once(closed(server).listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  it('is asked for an http URL', async () => {
    const { url, asked } = await startProxy()
    vi.stubEnv('HTTP_PROXY', url)
    const port = await startServer()
    expect(await textOf(`http://lapi.example:${port}`)).toBe('200 /v1/things?a=b k')
    expect(asked).toEqual([`GET lapi.example:${port}/v1/things`])
  })

  it('tunnels to an https URL, and the certificates are those of the two ends', async () => {
    const { url, asked } = await startProxy()
    vi.stubEnv('https_proxy', url)
    const port = await serveHttps('elsewhere', { requestCert: true, rejectUnauthorized: true })
    const tls = { ca: fixture('authority.pem'), cert: fixture('client.pem'), key: fixture('client.key') }
    expect(await textOf(`https://lapi.example:${port}`, { tls })).toBe('200 bouncer')
    expect(asked).toEqual([`CONNECT lapi.example:${port}`])
    await expect(textOf(`https://lapi.example:${port}`)).rejects.toMatchObject({ code: 'ERR_CSB_TLS' })
  })

  it('is not asked for what NO_PROXY names', async () => {
    const { url, asked } = await startProxy()
    vi.stubEnv('HTTP_PROXY', url)
    vi.stubEnv('NO_PROXY', 'nothing.invalid, .example')
    await expect(textOf('http://lapi.example:1')).rejects.toMatchObject({ code: 'ERR_CSB_CONNECT' })
    expect(asked).toEqual([])
  })

  it.each(['127.0.0.1', 'localhost'])('is never asked for %s', async (host) => {
    const { url, asked } = await startProxy()
    vi.stubEnv('HTTP_PROXY', url)
    expect(await textOf(`http://${host}:${await startServer()}`)).toBe('200 /v1/things?a=b k')
    expect(asked).toEqual([])
  })

  it.each(['http', 'https'])('which is not there is told, for %s', async (scheme) => {
    vi.stubEnv('HTTP_PROXY', 'http://name:word@127.0.0.1:1')
    await expect(textOf(`${scheme}://lapi.example`)).rejects.toMatchObject({
      code: 'ERR_CSB_CONNECT',
      message: `Nothing answers at ${scheme}://lapi.example/ (ECONNREFUSED through the proxy of the environment)`,
    })
  })

  it('which refuses to tunnel is told', async () => {
    const { url } = await startProxy(403)
    vi.stubEnv('HTTP_PROXY', url)
    await expect(textOf('https://lapi.example')).rejects.toMatchObject({
      code: 'ERR_CSB_CONNECT',
      message: 'Nothing answers at https://lapi.example/ (status 403 through the proxy of the environment)',
    })
  })

  it('which is not a URL is an error at once that does not show it', () => {
    vi.stubEnv('HTTPS_PROXY', 'http://name:word@:::')
    const make = () => new HttpClient({ baseUrl: 'https://lapi.example', headers: {} })
    expect(make).toThrow(
      expect.toSatisfy((error) => error.code === 'ERR_CSB_CONFIG' && !inspect(error, { depth: 9 }).includes('word')),
    )
  })
})
