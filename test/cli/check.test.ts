/** `crowdsec-bouncer check` against a real check service, and the command line's other ways to end. */

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ban, startService } from '../server/service.js'
import { run } from './run.js'

/** A server that says one thing to everybody. */
async function serverSaying(status: number, body: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end(body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('check', () => {
  test('of an allowed address exits with 0', async () => {
    const { url } = await startService()
    expect(await run('check', '192.0.2.1', '--url', url)).toEqual({ exitCode: 0, out: '192.0.2.1: allow\n', err: '' })
  })

  test('of a banned address exits with 1 and says why', async () => {
    const { url } = await startService()
    expect(await run('check', '203.0.113.7', '--url', url)).toEqual({
      exitCode: 1,
      out: '203.0.113.7: ban (manual "ban" from cscli on 203.0.113.7, until 2030-01-01T00:00:00.000Z)\n',
      err: '',
    })
  })

  test('of anything but allow exits with 1', async () => {
    const { url } = await startService({ ask: () => ({ action: 'captcha', decision: null }) })
    expect(await run('check', '192.0.2.1', '-u', url)).toMatchObject({ exitCode: 1, out: '192.0.2.1: captcha\n' })
  })

  test('prints JSON when asked to', async () => {
    const { url } = await startService()
    const { exitCode, out } = await run('check', '203.0.113.7', '--json', '--url', `${url}/`)
    expect([exitCode, JSON.parse(out)]).toEqual([1, { ip: '203.0.113.7', action: 'ban', decision: ban }])
  })

  test('takes an address with a zone', async () => {
    const { url } = await startService()
    expect(await run('check', 'fe80::1%eth0', '--url', url)).toMatchObject({
      exitCode: 0,
      out: 'fe80::1%eth0: allow\n',
    })
  })

  test('lets no control character through to the terminal', async () => {
    const decision = { ...ban, scenario: 'a\u001b[2Jb\nc\u009b' }
    const { url } = await startService({ ask: () => ({ action: 'ban', decision }) })
    const { out } = await run('check', '203.0.113.7', '--url', url)
    expect(out).toContain('(a?[2Jb c? from')
  })

  test('of what is no address exits with 2', async () => {
    const { url } = await startService()
    expect(await run('check', 'nonsense', '--url', url)).toEqual({
      exitCode: 2,
      out: '',
      err: 'ERR_CSB_BAD_ADDRESS: expected an IPv4 or IPv6 address, got "nonsense"\n',
    })
  })

  test('where nothing answers exits with 2', async () => {
    const { url, service } = await startService()
    await service.stop()
    expect(await run('check', '192.0.2.1', '--url', url)).toEqual({
      exitCode: 2,
      out: '',
      err: `ERR_CSB_CONNECT: nothing answers at ${url} (ECONNREFUSED)\n`,
    })
  })

  test.each([
    [200, '<html>', 'status 200'],
    [200, '{}', 'status 200'],
    [200, '{"action":1}', 'status 200'],
    [302, '', 'status 302'],
    [404, '', 'status 404'],
    [500, '{"action":"allow"}', 'status 500'],
  ])('where something else answers (%d %s) exits with 2', async (status, body, expected) => {
    const url = await serverSaying(status, body)
    expect(await run('check', '192.0.2.1', '--url', url)).toMatchObject({
      exitCode: 2,
      err: `ERR_CSB_CONNECT: what answers at ${url} is no check service (${expected})\n`,
    })
  })

  test.each(['nowhere', 'ftp://x', 'http://user:s3cr3t@x'])('with --url %s exits with 2', async (url) => {
    expect(await run('check', '192.0.2.1', '--url', url)).toEqual({
      exitCode: 2,
      out: '',
      err: 'ERR_CSB_CONFIG: --url: expected an http or https URL such as http://127.0.0.1:8088\n',
    })
  })
})

describe('the command line', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

  test.each<[string[], number, RegExp]>([
    [['--version'], 0, new RegExp(`^${version}\n$`)],
    [['--help'], 0, /^Usage: crowdsec-bouncer /],
    [['check', '--help'], 0, /^Usage: crowdsec-bouncer check /],
    [[], 2, /^Usage: crowdsec-bouncer /],
    [['check'], 2, /missing required argument 'address'/],
    [['check', '192.0.2.1', '--jsn'], 2, /unknown option '--jsn'/],
    [['sevre'], 2, /unknown command 'sevre'/],
    [
      ['serve', '-c', '/nowhere/x.yaml'],
      2,
      /^ERR_CSB_CONFIG_FILE: configuration file \/nowhere\/x.yaml does not exist\n$/,
    ],
  ])('%j', async (words, exitCode, expected) => {
    const result = await run(...words)
    expect(result.exitCode).toBe(exitCode)
    expect(exitCode === 0 ? result.out : result.err).toMatch(expected)
    expect(exitCode === 0 ? result.err : result.out).toBe('')
  })
})
