import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { FakeCapi, FakeLapi } from '../../src/testing/index.js'
import { Project } from './documented-app.js'

const ROOT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

let readme: string
let project: Project
let lapi: FakeLapi

beforeAll(async () => {
  readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  project = await Project.create(['@hono/node-server', 'express', 'fastify', 'hono', 'koa'])
  lapi = await FakeLapi.start()
  lapi.add({ value: '127.0.0.1', duration: '4h', scenario: 'readme' })
  lapi.add({ value: '203.0.113.7', duration: '4h', scenario: 'readme' })
})

afterAll(async () => {
  await lapi.stop()
  await project.remove()
})

function blocks(language: string): string[] {
  return [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2])
}

/** The pieces that protect an app, by the module that they import. */
const APPS = ['express', 'koa', 'fastify', 'hono', 'http']

it('has a piece of JavaScript for each framework and two more, and two of shell: each is run here or by .ci/run', () => {
  expect(blocks('js')).toHaveLength(APPS.length + 2)
  expect(blocks('sh')).toHaveLength(2)
})

it.each(APPS)('at most five lines protect an app: %s', async (name) => {
  const [lines] = blocks('js').filter((block) => block.includes(`crowdsec-bouncer/${name}'`) && block.includes('3000'))
  const { length } = lines.split('\n').filter((line) => line !== '')
  expect(length).toBeLessThanOrEqual(5)
  const app = await project.runApp(`${name}.mjs`, lines, lapi)
  try {
    await expect.poll(async () => (await fetch(app.url)).status).toBe(403)
  } finally {
    await app.stop()
  }
})

it('the piece about a shared bouncer does what it says', async () => {
  const [block = ''] = blocks('js').filter((one) => one.includes('bouncer.explain'))
  const text = block
    .replace('apiKey:', `apiUrl: '${lapi.url}', apiKey:`)
    .replace(/^(bouncer\.(check|explain)\(.*?\)).*$/gm, 'console.log(JSON.stringify($1))')
  await project.write('shared.mjs', text)
  const env = { ...process.env, CROWDSEC_API_KEY: lapi.apiKey }
  const { stdout } = await run(process.execPath, ['shared.mjs'], { cwd: project.directory, env })
  const [blocked, verdict, explained] = stdout.trim().split('\n')
  expect(blocked).toBe('203.0.113.7 ban readme')
  expect(JSON.parse(verdict)).toMatchObject({
    action: 'ban',
    decision: { value: '203.0.113.7', type: 'ban', scope: 'Ip' },
  })
  expect(JSON.parse(explained)).toHaveLength(1)
})

it('the piece about CAPI does what it says', async () => {
  const capi = await FakeCapi.start({ strict: true })
  onTestFinished(() => capi.stop())
  const [block = ''] = blocks('js').filter((one) => one.includes('capiPull'))
  const text = block.replace('capiPull: true', `$&, capiUrl: '${capi.url}/v3'`).replace('203.0.113.7', '1.2.3.4') // addresses that are for documentation are never told
  await project.write('capi.mjs', text)
  await run(process.execPath, ['capi.mjs'], { cwd: project.directory })
  expect(capi.requests.filter(({ path }) => path === '/v3/decisions/stream')).toHaveLength(1)
  expect(capi.signals.map(({ signal }) => signal['source'])).toEqual([{ scope: 'ip', value: '1.2.3.4', ip: '1.2.3.4' }])
})

it('the source of one’s own that it points to works', async () => {
  const { stdout } = await run(process.execPath, ['examples/own-source.mjs'], { cwd: ROOT })
  expect(stdout).toBe('ban allow\n')
})
