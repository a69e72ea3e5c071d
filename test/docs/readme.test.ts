import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FakeLapi } from '../../src/testing/index.js'

const ROOT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

let readme: string
let project: string
let lapi: FakeLapi

/** A project that has this package and Express installed. */
beforeAll(async () => {
  readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  project = await mkdtemp(join(tmpdir(), 'csb-readme-'))
  await mkdir(join(project, 'node_modules'))
  await symlink(ROOT, join(project, 'node_modules/crowdsec-bouncer'))
  await symlink(join(ROOT, 'node_modules/express'), join(project, 'node_modules/express'))
  lapi = await FakeLapi.start()
  lapi.add({ value: '127.0.0.1', duration: '4h', scenario: 'readme' })
  lapi.add({ value: '203.0.113.7', duration: '4h', scenario: 'readme' })
})

afterAll(async () => {
  await lapi.stop()
  await rm(project, { recursive: true })
})

function blocks(language: string): string[] {
  return [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2])
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

it('has two pieces of JavaScript and two of shell: each is run here or by .ci/run', () => {
  expect(blocks('js')).toHaveLength(2)
  expect(blocks('sh')).toHaveLength(2)
})

it('the five lines protect an Express app', async () => {
  const port = await freePort()
  const five = blocks('js')[0]
  expect(
    five
      .trim()
      .split('\n')
      .filter((line) => line !== ''),
  ).toHaveLength(5)
  const text = five.replace('http://127.0.0.1:8080', lapi.url).replace('3000', String(port))
  await writeFile(join(project, 'app.mjs'), text)
  const env = { ...process.env, CROWDSEC_API_KEY: lapi.apiKey }
  const answered = lapi.nextAnswer()
  const app = spawn(process.execPath, ['app.mjs'], { cwd: project, env, stdio: 'inherit' })
  try {
    await answered
    const deadline = Date.now() + 10_000
    let status = 0
    while (status !== 403 && Date.now() < deadline) status = await statusOf(`http://127.0.0.1:${port}/`)
    expect(status).toBe(403)
  } finally {
    app.kill()
    await once(app, 'exit')
  }
})

/** 0 while nobody listens yet. */
async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url)).status
  } catch {
    return 0
  }
}

it('the other piece does what it says', async () => {
  const block = blocks('js')[1]
  const text = block
    .replace('apiKey:', `apiUrl: '${lapi.url}', apiKey:`)
    .replace(/^(bouncer\.(check|explain)\(.*?\)).*$/gm, 'console.log(JSON.stringify($1))')
  await writeFile(join(project, 'shared.mjs'), text)
  const env = { ...process.env, CROWDSEC_API_KEY: lapi.apiKey }
  const { stdout } = await run(process.execPath, ['shared.mjs'], { cwd: project, env })
  const [blocked, verdict, explained] = stdout.trim().split('\n')
  expect(blocked).toBe('203.0.113.7 ban readme')
  expect(JSON.parse(verdict)).toMatchObject({
    action: 'ban',
    decision: { value: '203.0.113.7', type: 'ban', scope: 'Ip' },
  })
  expect(JSON.parse(explained)).toHaveLength(1)
})

it('the source of one’s own that it points to works', async () => {
  const { stdout } = await run(process.execPath, ['examples/own-source.mjs'], { cwd: ROOT })
  expect(stdout).toBe('ban allow\n')
})
