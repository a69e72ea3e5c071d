/** TLS of the transport: whom it trusts, who it is, and certificates that are replaced. The certificates are fixtures. */

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { HttpClient, type HttpClientOptions } from '../../src/http/http-client.js'
import { TlsFiles } from '../../src/http/tls-files.js'
import { silentLogger } from '../../src/logger.js'
import { hangingDrive } from '../hanging-file.js'
import { fixture, serveHttps } from './https-server.js'

const never = new AbortController().signal
const ca = fixture('authority.pem')
const certOf = (name: string) => ({ ca, cert: fixture(`${name}.pem`), key: fixture(`${name}.key`) })
/** As the LAPI does it (`client_verification: VerifyClientCertIfGiven` and `RequireAndVerifyClientCert`). */
const asks = { requestCert: true, rejectUnauthorized: true }

function clientOf(port: number, tls: HttpClientOptions['tls'], host = '127.0.0.1'): HttpClient {
  const options = tls === undefined ? {} : { tls }
  const client = new HttpClient({ baseUrl: `https://${host}:${port}`, headers: {}, ...options })
  onTestFinished(() => client.close())
  return client
}

async function textOf(client: HttpClient): Promise<string> {
  const response = await client.get({ path: '', deadline: 5000, signal: never })
  return response.excerpt(1000)
}

describe('a client that is closed while it looks at replaced files', () => {
  it('ends the request, connects no more, and nothing fails behind its back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'csb-tls-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const authority = join(folder, 'authority.pem')
    copyFileSync(ca, authority)
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    onTestFinished(() => void process.off('unhandledRejection', unhandled))
    const client = clientOf(await serveHttps('server'), { ca: authority })
    copyFileSync(fixture('stranger.pem'), authority)
    utimesSync(authority, 1, 1)
    const asked = expect(textOf(client)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_CSB_/) })
    await client.close()
    await asked
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).not.toHaveBeenCalled()
  })
})

describe('the server', () => {
  it.each([
    ['signed by an authority of our own', 'server', { ca }],
    ['anything, unchecked', 'expired-server', { verify: false }],
  ])('%s is trusted', async (_name, certificate, tls) => {
    expect(await textOf(clientOf(await serveHttps(certificate), tls))).toBe('nobody')
  })

  it.each([
    ['signed by an authority unknown to Node', 'server', undefined, 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['signed by another authority', 'server', { ca: fixture('stranger.pem') }, 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['with a certificate that expired', 'expired-server', { ca }, 'CERT_HAS_EXPIRED'],
    ['with a certificate for another host', 'elsewhere', { ca }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('%s is not', async (_name, certificate, tls, reason) => {
    const port = await serveHttps(certificate)
    await expect(textOf(clientOf(port, tls))).rejects.toMatchObject({
      code: 'ERR_CSB_TLS',
      message: expect.stringContaining(`The certificate of https://127.0.0.1:${port}/ is not trusted (${reason}`),
    })
  })

  it('that speaks plain HTTP is told as such', async () => {
    const { createServer } = await import('node:http')
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    await expect(textOf(clientOf(port, {}))).rejects.toMatchObject({
      code: 'ERR_CSB_TLS',
      message: expect.stringContaining('does not speak TLS'),
    })
  })
})

describe('we', () => {
  it('are known by our certificate', async () => {
    const port = await serveHttps('server', asks)
    expect(await textOf(clientOf(port, certOf('client')))).toBe('bouncer')
  })

  it.each([
    ['without a certificate', { ca }],
    ['with one that expired', certOf('expired-client')],
  ])('%s are refused, and told so', async (_name, tls) => {
    const port = await serveHttps('server', asks)
    await expect(textOf(clientOf(port, tls))).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CSB_(TLS|CONNECTION_LOST)$/),
      message: expect.stringContaining(`https://127.0.0.1:${port}/`),
    })
  })
})

describe('files', () => {
  const folder = () => {
    const path = mkdtempSync(join(tmpdir(), 'tls-'))
    onTestFinished(() => rmSync(path, { recursive: true }))
    return path
  }
  /** A certificate and a key in a folder of their own, and how to put others in their place. */
  function replaceable(name: string) {
    const at = folder()
    const paths = { ca, cert: join(at, 'cert.pem'), key: join(at, 'key.pem') }
    let version = 0
    const put = (other: string, kinds: readonly ('pem' | 'key')[] = ['pem', 'key']) => {
      version++
      for (const kind of kinds) {
        const path = kind === 'pem' ? paths.cert : paths.key
        copyFileSync(fixture(`${other}.${kind}`), path)
        utimesSync(path, version, version) // two writes within one tick of the file system's clock
      }
    }
    put(name)
    return { paths, put }
  }

  it.each([
    ['a missing file', { cert: '/nowhere/cert.pem' }, '/nowhere/cert.pem cannot be read (ENOENT)'],
    ['a directory', { ca: tmpdir() }, 'cannot be read (EISDIR)'],
    [
      'a key of another certificate',
      { cert: fixture('client.pem'), key: fixture('server.key') },
      'KEY_VALUES_MISMATCH',
    ],
    ['a key in place of a certificate', { cert: fixture('client.key'), key: fixture('client.key') }, 'NO_START_LINE'],
    ['an authority that is none', { ca: fixture('make.sh') }, 'cannot be used for TLS'],
  ])('%s is an error at once', (_name, paths, message) => {
    expect(() => new TlsFiles(paths, silentLogger)).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_TLS', message: expect.stringContaining(message) }),
    )
  })

  it('one that expired is told', () => {
    const warn = vi.fn()
    new TlsFiles({ cert: fixture('expired-client.pem'), key: fixture('expired-client.key') }, { ...silentLogger, warn })
    expect(warn.mock.calls).toEqual([[expect.stringContaining('expired on Jan  1 00:00:00 2021 GMT')]])
  })

  it('a certificate that expired and is replaced comes into use without a restart', async () => {
    const { paths, put } = replaceable('expired-client')
    const port = await serveHttps('server', asks)
    const client = clientOf(port, paths)
    await expect(textOf(client)).rejects.toThrow()
    put('client')
    await vi.waitFor(async () => expect(await textOf(client)).toBe('bouncer'), { timeout: 5000, interval: 200 })
  })

  it('one that is replaced while connections are kept comes into use, too', async () => {
    const { paths, put } = replaceable('client')
    const port = await serveHttps('server', { ...asks, keepAliveTimeout: 60_000 })
    const client = clientOf(port, paths)
    expect(await textOf(client)).toBe('bouncer')
    put('other-client')
    await vi.waitFor(async () => expect(await textOf(client)).toBe('other'), { timeout: 5000, interval: 200 })
  })

  it('a replacement lets an exchange under way finish', async () => {
    const { paths, put } = replaceable('client')
    let held: ServerResponse | undefined
    const port = await serveHttps('server', asks, (request, response) => {
      if (request.url !== '/slow') return void response.end('quick')
      held = response
      response.write('begun and ')
    })
    let now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    onTestFinished(() => void vi.restoreAllMocks())
    const client = clientOf(port, paths)
    expect(await textOf(client)).toBe('quick')
    const slow = await client.get({ path: 'slow', deadline: 5000, signal: never })
    now += 1001
    put('other-client')
    expect(await textOf(client)).toBe('quick')
    held?.end('finished')
    expect(await slow.excerpt(1000)).toBe('begun and finished')
  })

  it('half a replacement is told, and the old ones stay until the other half is there', async () => {
    const { paths, put } = replaceable('client')
    const lines: string[] = []
    const note = (line: string) => void lines.push(line)
    const files = new TlsFiles(paths, { ...silentLogger, info: note, warn: note })
    const { cert } = files.material
    const look = async (changed: boolean) => {
      now += 1001 // a second, whatever the fractions add up to
      vi.spyOn(performance, 'now').mockReturnValue(now)
      expect(await files.haveChanged()).toBe(changed)
    }
    let now = performance.now()
    onTestFinished(() => void vi.restoreAllMocks())
    await look(false)
    put('other-client', ['pem'])
    await look(false)
    await look(false)
    expect(files.material.cert).toBe(cert)
    expect(lines).toEqual([expect.stringMatching(/KEY_VALUES_MISMATCH.*stay in use/)])
    put('other-client', ['key'])
    await look(true)
    expect(await files.haveChanged()).toBe(false)
    truncateSync(paths.cert, 10)
    await look(false)
    rmSync(paths.cert)
    await look(false)
    expect(files.material.cert?.equals(cert ?? Buffer.alloc(0))).toBe(false)
    expect(lines.slice(1)).toEqual([
      expect.stringContaining('read again'),
      expect.stringContaining('stay in use'),
      expect.stringContaining('ENOENT'),
    ])
  })

  it('on a drive that hangs: the request ends with its deadline, and the next one does not look', async () => {
    let now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    onTestFinished(() => void vi.restoreAllMocks())
    const client = clientOf(await serveHttps('server'), { ca })
    hangingDrive()
    const asked = client.get({ path: '', deadline: 200, signal: never })
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CSB_TIMEOUT' })
    now += 1001
    expect(await textOf(client)).toBe('nobody')
  })

  it('that cannot be read are tried again, though they stay as they are, and told once', async () => {
    const { paths, put } = replaceable('client')
    const lines: string[] = []
    const note = (level: string) => (line: string) => void lines.push(`${level}: ${line}`)
    const files = new TlsFiles(paths, { ...silentLogger, warn: note('warn'), info: note('info'), debug: note('debug') })
    let now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    onTestFinished(() => void vi.restoreAllMocks())
    const look = () => {
      now += 1001
      return files.haveChanged()
    }
    expect(await look()).toBe(false)
    rmSync(paths.key)
    mkdirSync(paths.key) // it can be looked at, but not read
    expect([await look(), await look()]).toEqual([false, false])
    rmSync(paths.key, { recursive: true })
    put('other-client')
    expect(await look()).toBe(true)
    expect(lines).toEqual([
      expect.stringMatching(/^warn: .*key\.pem cannot be read \(EISDIR\); those read before stay in use$/),
      expect.stringMatching(/^debug: .*EISDIR/),
      expect.stringMatching(/^info: .*read again/),
    ])
  })

  it('that are overwritten by others of their length and with their times come into use', async () => {
    const path = join(folder(), 'ca.pem')
    const [one, other] = ['authority.pem', 'stranger.pem'].map((name) => readFileSync(fixture(name), 'utf8'))
    const length = Math.max(one.length, other.length)
    const put = (text: string) => {
      writeFileSync(path, text.padEnd(length, '\n'))
      utimesSync(path, 1, 1)
    }
    let now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    onTestFinished(() => void vi.restoreAllMocks())
    put(one)
    const files = new TlsFiles({ ca: path }, silentLogger)
    now += 1001
    expect(await files.haveChanged()).toBe(false)
    put(other)
    now += 1001
    expect(await files.haveChanged()).toBe(true)
    expect(files.material.ca?.toString().trimEnd()).toBe(other.trimEnd())
  })

  it('nothing of what a file holds is told', () => {
    const path = join(folder(), 'key.pem')
    writeFileSync(path, 'SECRET-SECRET')
    const error = (() => {
      try {
        new TlsFiles({ cert: fixture('client.pem'), key: path }, silentLogger)
      } catch (thrown) {
        return thrown
      }
      return null
    })()
    expect(String(error)).toContain(path)
    expect(String(error)).not.toContain('SECRET')
  })
})
