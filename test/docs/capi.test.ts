/** Runs every piece of JavaScript of docs/capi.md against FakeCapi, and holds its names and numbers to the code. */

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { DEFAULT_LOGIN_BUDGET } from '../../src/capi/machines/login-budget.js'
import { inFile } from '../../src/config/layers/spelling.js'
import { loadConfiguration } from '../../src/config/load-configuration.js'
import { optionNames } from '../../src/config/options/options.js'
import { parseOptions } from '../../src/config/parse-options.js'
import { LARGEST_CHUNK } from '../../src/signals/sending/signal-sender.js'
import { DEFAULT_LIMITS } from '../../src/signals/storage/outbox-limits.js'
import { FakeCapi, FakeLapi } from '../../src/testing/index.js'
import { Project } from './documented-app.js'

const ROOT = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/capi.md'), 'utf8')
const run = promisify(execFile)

let project: Project
let capi: FakeCapi

beforeEach(async () => {
  const own = await Project.create(['express'])
  onTestFinished(() => own.remove())
  for (const name of ['my-app', 'my-honeypot']) await mkdir(join(own.directory, name))
  project = own
  const fake = await FakeCapi.start({ strict: true, attachmentKeys: ['key1'] })
  onTestFinished(() => fake.stop())
  capi = fake
})

function blocks(language: string): readonly string[] {
  return [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2])
}

/** The piece that has this text. */
function piece(text: string): string {
  const [block, ...more] = blocks('js').filter((one) => one.includes(text))
  expect(more).toEqual([])
  return block
}

/** The page's paths lie in the project, and FakeCapi stands for CAPI. */
function localised(text: string): string {
  return text
    .replaceAll('/var/lib/', `${project.directory}/`)
    .replace("url: 'production'", `url: '${capi.url}/v3', allowPrivateLinks: true`)
    .replace(/capiPull: true|report: true/, `$&, capiUrl: '${capi.url}/v3', capiAllowPrivateLinks: true`)
}

async function runPiece(file: string, text: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  await project.write(file, localised(text))
  const { stdout } = await run(process.execPath, [file], { cwd: project.directory, env: { ...process.env, ...env } })
  return stdout
}

it('has four pieces of JavaScript, and each is run here', () => {
  expect(blocks('js')).toHaveLength(4)
})

it('a bouncer on CAPI alone', async () => {
  capi.setCommunity([{ value: '203.0.113.7' }, { value: '203.0.113.8' }])
  expect(await runPiece('alone.mjs', piece('createBouncer'))).toBe('ban 2\n')
  expect(capi.machines()).toHaveLength(1)
  for (const file of ['capi.db', 'decisions']) expect(existsSync(join(project.directory, 'my-app', file))).toBe(true)
})

it('each piece compiles as strict TypeScript', async () => {
  await project.link('@types', join(ROOT, 'node_modules/@types'))
  const files = blocks('js').map((_, index) => `piece${index}.ts`)
  for (const [index, file] of files.entries()) await project.write(file, blocks('js')[index] ?? '')
  const compilerOptions = {
    target: 'ES2023',
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  }
  await project.write('package.json', JSON.stringify({ type: 'module' }))
  await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files }))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const compiled = await run(process.execPath, [tsc, '-p', '.'], { cwd: project.directory }).catch((error) => error)
  expect(compiled.stdout).toBe('')
})

it('its YAML means the same', async () => {
  const [yaml = ''] = blocks('yaml')
  await project.write('service.yaml', localised(yaml))
  const file = join(project.directory, 'service.yaml')
  const fromFile = parseOptions((await loadConfiguration({ file, env: {} })).bouncer)
  const code = /createBouncer\((\{[\s\S]*?\n\})\)/.exec(piece('createBouncer'))?.[1]
  const fromCode = parseOptions(new Function(`return ${localised(code ?? '')}`)())
  const common = ({ capiPull, capiScenarios, capiStorage, snapshotFile }: typeof fromCode) =>
    [capiPull, capiScenarios, capiStorage.reveal(), snapshotFile] as const
  expect(common(fromFile)).toEqual(common(fromCode))
})

it('hits as signals', async () => {
  const lapi = await FakeLapi.start()
  onTestFinished(() => lapi.stop())
  lapi.add({ value: '1.2.3.4', duration: '4h', scenario: 'crowdsecurity/http-probing', origin: 'crowdsec' })
  const text = localised(piece('report: true')).replace('express()', "$&.set('trust proxy', 'loopback')")
  const app = await project.runApp('hits.mjs', text, lapi)
  const statusFor = async (address: string, path: string) =>
    (await fetch(app.url + path, { headers: { 'x-forwarded-for': address } })).status
  try {
    await expect.poll(() => statusFor('1.2.3.4', 'shop?basket=1')).toBe(403)
    expect(await statusFor('1.2.3.4', 'reset/secret')).toBe(403)
    expect(await statusFor('9.9.9.9', 'wp-login.php')).toBe(404)
  } finally {
    expect(await app.stop()).toBe(0)
  }
  const told = capi.signals.map(({ signal }) => {
    const { source, context } = signal as { source: { value: string }; context: { key: string; value: string }[] }
    return [source.value, ...context.filter(({ key }) => key === 'target_uri').map(({ value }) => value)]
  })
  expect(told.toSorted()).toEqual([
    ['1.2.3.4', '/shop'],
    ['9.9.9.9', '/wp-login.php'],
  ])
})

it('the SDK: signals, then decisions, lists and the console', async () => {
  const sent = await runPiece('signals.mjs', piece('createSignal('), { MACHINE_KEY: 'one that only this test has' })
  expect(sent).toBe('1 sent, 0 wait\n')
  expect(capi.signals).toHaveLength(1)
  capi.setCommunity([{ value: '203.0.113.7', scenario: 'crowdsecurity/ssh-bf', duration: '24h' }])
  capi.addBlocklist({ name: 'a-list', values: ['203.0.113.9'] })
  const env = { CROWDSEC_BOUNCER_ATTACHMENT_KEY: 'key1' }
  const lines = await runPiece('decisions.mjs', piece('getDecisions('), env)
  expect(lines.split('\n')).toEqual(['203.0.113.7 crowdsecurity/ssh-bf 24h', '203.0.113.9 a-list', 'accepted', ''])
  expect(capi.machines()).toMatchObject([{ logins: 1, enrollment: { tags: ['dmz'] } }])
})

it('has its commands where capi-commands.test.ts runs them', () => {
  const [commands = ''] = page.split(/^(?=## )/m).filter((section) => section.startsWith('## Commands'))
  expect(blocks('sh').length).toBeGreaterThan(4)
  for (const block of blocks('sh')) expect(commands).toContain(block)
  // What the text elsewhere speaks of.
  for (const [, command] of page.matchAll(/`crowdsec-bouncer capi (\w+)`/g)) {
    expect(commands).toContain(`\ncrowdsec-bouncer capi ${command} `)
  }
})

it('every link leads somewhere', () => {
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, text]) => slugOf(text))
  for (const [, target] of page.matchAll(/\]\((?!https:)([^)]+)\)/g)) {
    const [file, anchor] = target.split('#')
    if (file !== '') expect(existsSync(resolve(ROOT, 'docs', file)), target).toBe(true)
    else expect(headings).toContain(anchor)
  }
  const errors = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
  for (const [, anchor] of errors.matchAll(/\]\(capi\.md#([^)]+)\)/g)) expect(headings).toContain(anchor)
})

/** As GitHub makes anchors. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')
}

it('names options, packages and limits that exist', () => {
  const options = new Set<string>(optionNames.map(inFile))
  const named = [...page.matchAll(/`((?:capi|report|snapshot)_\w+)`/g)].map(([, name]) => name)
  expect(new Set(named).size).toBeGreaterThan(10)
  expect(named.filter((name) => !options.has(name))).toEqual([])
  const { name, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const packages = [...page.matchAll(/`npm install ([^`]+)`/g)].flatMap(([, names]) => names.split(' '))
  expect([...new Set(packages)].sort()).toEqual(['@photostructure/sqlite', name, 'kysely', 'pg'].sort())
  expect(packages.filter((one) => one !== name && !(one in peerDependencies))).toEqual([])
  const { maxSignals, maxAge } = DEFAULT_LIMITS
  expect(page).toContain(`| ${maxSignals.toLocaleString('en')} (`)
  expect(page).toContain(`| ${maxAge / 86_400_000} days (`)
  expect(page).toContain(`| ${LARGEST_CHUNK}, as CrowdSec asks for |`)
  expect(page).toContain(`At most ${DEFAULT_LOGIN_BUDGET} logins go out in 50 minutes`)
})
