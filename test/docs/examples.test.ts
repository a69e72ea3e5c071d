import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { FakeCapi, FakeLapi } from '../../src/testing/index.js'
import { environmentOf, Project } from './documented-app.js'

const EXAMPLES = resolve(import.meta.dirname, '../../examples')

/** The file, and what a visitor who is let in gets. */
const APPS = [
  ['express.mjs', 'hello, allow'],
  ['koa.mjs', 'hello, allow'],
  ['fastify.mjs', 'hello, allow'],
  ['hono.mjs', 'hello, allow'],
  ['http.mjs', 'hello, allow'],
  ['connect.mjs', 'hello, allow'],
  ['nestjs.mjs', 'Cannot GET /'], // it has no controller
] as const

let project: Project
let lapi: FakeLapi

beforeAll(async () => {
  const frameworks = [
    '@hono/node-server',
    '@nestjs/core',
    'connect',
    'express',
    'fastify',
    'hono',
    'koa',
    'reflect-metadata',
  ]
  project = await Project.create(frameworks)
  lapi = await FakeLapi.start()
  lapi.add({ value: '203.0.113.7', duration: '4h', scenario: 'ssh-bf' })
})

afterAll(async () => {
  await lapi.stop()
  await project.remove()
})

it('every example is run: these and those of CAPI here, own-source.mjs by readme.test.ts', async () => {
  const files = (await readdir(EXAMPLES, { recursive: true })).filter((file) => file.endsWith('.mjs'))
  const ofCapi = ['capi-only/app.mjs', 'signals/failed-logins.mjs', 'signals/send.mjs']
  expect(files.toSorted()).toEqual([...APPS.map(([file]) => file), ...ofCapi, 'own-source.mjs'].toSorted())
})

it.each(APPS)('%s protects an app behind a proxy', async (file, hello) => {
  const text = await readFile(join(EXAMPLES, file), 'utf8')
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('//'))
  expect(lines.length).toBeLessThanOrEqual(10)
  const app = await project.runApp(file, text, lapi)
  try {
    const statusFor = async (forwarded: string) => {
      const answer = await fetch(app.url, { headers: { 'x-forwarded-for': forwarded } })
      return [answer.status, await answer.text()]
    }
    await expect.poll(() => statusFor('203.0.113.7')).toEqual([403, expect.stringContaining('Access denied')])
    expect(await statusFor('9.9.9.9, 203.0.113.7')).toEqual([403, expect.stringContaining('Access denied')])
    expect((await statusFor('203.0.113.7, 9.9.9.9'))[1]).toContain(hello)
  } finally {
    await app.stop()
  }
})

/** Refuses what the contract does not have. */
async function startCapi(): Promise<FakeCapi> {
  const capi = await FakeCapi.start({ strict: true })
  onTestFinished(() => capi.stop())
  return capi
}

function toldOf({ signals }: FakeCapi): readonly string[] {
  return signals.map(({ signal }) => String(signal['message'])).toSorted()
}

it('capi-only blocks whom the community and a linked blocklist name, and tells of it', async () => {
  const capi = await startCapi()
  capi.setCommunity([{ value: '1.2.3.4', scenario: 'crowdsecurity/http-probing' }])
  capi.addBlocklist({ name: 'a-blocklist', values: ['2.3.4.5'] })
  const text = await readFile(join(EXAMPLES, 'capi-only/app.mjs'), 'utf8')
  const app = await project.runApp('capi-only.mjs', text, capi, { REPORT_ORIGINS: 'CAPI,lists' })
  const answerTo = async (address: string, path = '') => {
    const answer = await fetch(app.url + path, { headers: { 'x-forwarded-for': address } })
    return [answer.status, await answer.text()]
  }
  const denied = [403, expect.stringContaining('Access denied')]
  try {
    await expect.poll(() => answerTo('2.3.4.5')).toEqual(denied)
    expect(await answerTo('1.2.3.4')).toEqual(denied)
    expect(await answerTo('9.9.9.9')).toEqual([200, 'hello, allow'])
    expect(await answerTo('9.9.9.9', 'wp-login.php')).toEqual([404, 'Not Found'])
  } finally {
    expect(await app.stop()).toBe(0)
  }
  expect(toldOf(capi)).toEqual([
    expect.stringContaining('Ip 1.2.3.4 got a ban by a decision of CAPI'),
    expect.stringContaining('Ip 2.3.4.5 got a ban by a decision of lists'),
    "Ip 9.9.9.9 performed 'crowdsecurity/http-probing' (1 event)",
  ])
  expect(new Set(capi.signals.map(({ signal }) => signal['scenario']))).toEqual(new Set(['crowdsecurity/http-probing']))
  const storage = await stat(join(project.directory, 'capi-only.db'))
  expect(storage.mode & 0o777).toBe(0o600)
})

it('signals/failed-logins.mjs tells of the fifth failed login', async () => {
  const capi = await startCapi()
  const text = await readFile(join(EXAMPLES, 'signals/failed-logins.mjs'), 'utf8')
  const app = await project.runApp('failed-logins.mjs', text, lapi, environmentOf(capi))
  const logIn = async (address: string) => {
    const headers = { 'x-forwarded-for': address }
    return (await fetch(`${app.url}login`, { method: 'POST', headers })).status
  }
  try {
    for (let count = 1; count <= 4; count++) expect(await logIn('9.9.9.9')).toBe(401)
    for (let count = 1; count <= 6; count++) expect(await logIn('2606:4700::1')).toBe(401)
  } finally {
    expect(await app.stop()).toBe(0)
  }
  expect(toldOf(capi)).toEqual([
    expect.stringMatching(/^Ip 2606:4700::1 performed 'crowdsecurity\/http-generic-bf' \(2 events/),
  ])
})

it('signals/send.mjs sends what a program saw, as the same machine each time', async () => {
  const capi = await startCapi()
  await project.write('send.mjs', await readFile(join(EXAMPLES, 'signals/send.mjs'), 'utf8'))
  const env = { ...process.env, ...environmentOf(capi) }
  for (let run = 1; run <= 2; run++) {
    const { stdout } = await promisify(execFile)(process.execPath, ['send.mjs'], { cwd: project.directory, env })
    expect(stdout).toBe('3 sent, 0 refused, 0 waiting\n')
  }
  expect([capi.machines().length, capi.signals.length, capi.uuids().size]).toEqual([1, 6, 6])
})
