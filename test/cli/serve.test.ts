/** `crowdsec-bouncer serve` as a process of its own. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FakeCapi } from '../../src/testing/index.js'
import { rawConnection } from '../server/service.js'
import { temporaryDirectory } from '../temporary-directory.js'
import { compiledProgram } from './compiled-program.js'
import { startProgram } from './start-program.js'

const main = compiledProgram()

interface Service {
  readonly child: ChildProcess
  readonly url: string
  readonly out: () => string
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>
}

function run(words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return startProgram(main, words, tmpdir(), env)
}

async function serve(words: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Service> {
  const { child, exit, out, err } = run(['serve', ...words], { CROWDSEC_BOUNCER_LISTEN: '0', ...env })
  const listening = /listening on (http:[^"]+)"/
  while (!listening.test(out())) {
    const ended = await Promise.race([exit, once(child.stdout, 'data').then(() => null)])
    if (ended !== null) throw new Error(`ended with ${ended.code}: ${out()}${err()}`)
  }
  return { child, exit, out, url: listening.exec(out())?.[1] ?? '' }
}

async function json(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { headers: { connection: 'close' } })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function ready(url: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { status, body } = await json(`${url}/readyz`)
    if (status === 200) return body
  }
}

function configuration(text: string): string {
  const file = join(temporaryDirectory(), 'service.yaml')
  writeFileSync(file, text)
  return file
}

describe('without a configuration', () => {
  test('serves the example list and says what to try, in lines of JSON and nothing else', async () => {
    const { url, out, child, exit } = await serve()
    expect(await ready(url)).toMatchObject({ ready: true, decisions: 4 })
    const actions = ['203.0.113.7', '198.51.100.99', '192.0.2.15', '2001:db8:bad::1', '192.0.2.1', '192.0.2.21']
    const answers = await Promise.all(actions.map((ip) => json(`${url}/check?ip=${ip}`)))
    expect(answers.map(({ body }) => body['action'])).toEqual(['ban', 'ban', 'ban', 'ban', 'allow', 'allow'])
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await exit).toEqual({ code: 0, signal: null })
    const told = out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).msg)
    expect(told.filter((line) => line.includes('curl'))).toEqual([
      `try curl '${url}/check?ip=203.0.113.7' (ban)`,
      `try curl '${url}/check?ip=192.0.2.1' (allow)`,
      `try curl '${url}/readyz' (the sources of decisions and their state)`,
    ])
  })

  test('logs each remediation as a JSON line with fields, and what else happens as sentences', async () => {
    const { url, out, child, exit } = await serve()
    await ready(url)
    const before = Date.now()
    await json(`${url}/check?ip=203.0.113.7`)
    await json(`${url}/check?ip=192.0.2.1`)
    child.kill('SIGTERM')
    await exit
    const lines = out()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
    const remediations = lines.filter((line) => 'action' in line)
    expect(remediations).toEqual([
      expect.objectContaining({ address: '203.0.113.7', action: 'ban', origin: expect.any(String), dry_run: false }),
    ])
    expect(remediations[0].time).toBeGreaterThanOrEqual(before)
    expect(remediations[0].msg).toMatch(/^203\.0\.113\.7 gets a ban by /)
    for (const line of lines) expect(line.msg).toEqual(expect.stringMatching(/./))
  })

  test('says that the list is not used where the environment has a key', async () => {
    const env = { CROWDSEC_BOUNCER_API_KEY: 's3cr3t-k3y', CROWDSEC_BOUNCER_API_URL: 'http://127.0.0.1:1' }
    const { url, out, child, exit } = await serve([], env)
    expect((await json(`${url}/readyz`)).status).toBe(503)
    expect((await json(`${url}/livez`)).status).toBe(200)
    expect((await json(`${url}/check?ip=203.0.113.7`)).body['action']).toBe('allow')
    child.kill('SIGTERM')
    expect(await exit).toEqual({ code: 0, signal: null })
    expect(out()).toContain('decisions_file: not used, because api_key is set')
    expect(out()).not.toContain('curl')
    expect(out()).not.toContain('s3cr3t')
  })
})

test('the example list is not used beside CAPI', async () => {
  const capi = await FakeCapi.start()
  onTestFinished(() => capi.stop())
  capi.setCommunity([{ value: '198.51.100.7' }])
  const { url, out, child, exit } = await serve([], {
    CROWDSEC_BOUNCER_CAPI_PULL: 'true',
    CROWDSEC_BOUNCER_CAPI_URL: `${capi.url}/v3`,
    CROWDSEC_BOUNCER_CAPI_STORAGE: 'memory',
  })
  expect(await ready(url)).toMatchObject({ decisions: 1, sources: [{ name: 'capi' }] })
  child.kill('SIGTERM')
  expect(await exit).toEqual({ code: 0, signal: null })
  expect(out()).toContain('decisions_file: not used, because capi_pull is set and the list is an example')
})

describe('a signal', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s ends it cleanly, keep-alive connections and all',
    async (signal) => {
      const { url, child, exit, out } = await serve()
      await ready(url)
      const { socket, received } = rawConnection(Number(new URL(url).port))
      socket.write('GET /check?ip=203.0.113.7 HTTP/1.1\r\nhost: x\r\n\r\n')
      await once(socket, 'data')
      child.kill(signal)
      expect(await exit).toEqual({ code: 0, signal: null })
      expect(await received).toContain('"action":"ban"')
      expect(out()).toContain(`${signal}: stopping`)
      expect(out().trimEnd().split('\n').at(-1)).toContain('"msg":"stopped"')
    },
  )

  test('and its echo, as npm sends one, are one request', async () => {
    const { url, child, exit } = await serve()
    const { socket } = rawConnection(Number(new URL(url).port))
    socket.write('POST /check HTTP/1.1\r\nhost: x\r\ncontent-length: 23\r\n\r\n{"ips":')
    await json(`${url}/livez`)
    child.kill('SIGINT')
    child.kill('SIGTERM')
    socket.write('["203.0.113.7"]}')
    expect(await exit).toEqual({ code: 0, signal: null })
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('%s again ends it at once, with %d', async (signal, code) => {
    const { url, child, exit, out } = await serve()
    const { socket } = rawConnection(Number(new URL(url).port))
    socket.write('POST /check HTTP/1.1\r\nhost: x\r\ncontent-length: 23\r\n\r\n{"ips":')
    await json(`${url}/livez`)
    const started = performance.now()
    // A repetition within 300 ms is taken for an echo of the first, so it is sent until it works.
    const again = setInterval(() => child.kill(signal), 50)
    expect(await exit).toEqual({ code, signal: null })
    clearInterval(again)
    expect(performance.now() - started).toBeLessThan(4_000)
    expect(out()).not.toContain('"msg":"stopped"')
  })
})

describe('with -c', () => {
  test('logs lines of JSON and nothing else', async () => {
    const file = configuration('decisions_file: list.txt\nlisten: 0\n')
    writeFileSync(join(file, '..', 'list.txt'), '192.0.2.1\n')
    const { url, child, exit, out } = await serve(['-c', file])
    await ready(url)
    expect((await json(`${url}/check?ip=192.0.2.1`)).body['action']).toBe('ban')
    child.kill('SIGTERM')
    await exit
    for (const line of out().trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg')
  })

  test.each([
    ['lisen: 1\ndecisions_file: x', /^ERR_CSB_CONFIG: lisen in .*: unknown option; did you mean listen\?\n$/],
    ['{', /^ERR_CSB_CONFIG_FILE: .*service.yaml, line 1, column \d+: not valid YAML .*\n$/],
    ['decisions_file: x\nlisten: 192.0.2.1:1', /^ERR_CSB_LISTEN: cannot listen on 192.0.2.1, port 1 \(E\w+\)\n$/],
  ])('%j fails with one line and 2', async (text, expected) => {
    const { exit, out, err } = run(['serve', '-c', configuration(text)])
    expect(await exit).toEqual({ code: 2, signal: null })
    expect([out(), err()]).toEqual(['', expect.stringMatching(expected)])
  })
})

test('--version', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const { exit, out } = run(['--version'])
  expect([await exit, out()]).toEqual([{ code: 0, signal: null }, `${version}\n`])
})

test('check asks the service that runs', async () => {
  const { url } = await serve()
  await ready(url)
  const blocked = run(['check', '203.0.113.7', '--url', url])
  expect(await blocked.exit).toEqual({ code: 1, signal: null })
  expect(blocked.out()).toMatch(/^203\.0\.113\.7: ban \(decisions\.txt from file on 203\.0\.113\.7, until 20/)
})
