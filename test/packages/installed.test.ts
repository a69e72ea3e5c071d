/**
 * The packed tarball: what is in it; and installed into projects of each kind, every one of which protects an app.
 * Offline: dependencies are linked.
 */

import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FakeLapi } from '../../src/testing/index.js'
import { freePort, Project, startApp } from '../docs/documented-app.js'

const ROOT = resolve(import.meta.dirname, '../..')
const PROJECTS = join(import.meta.dirname, 'projects')
const TYPESCRIPT = join(ROOT, 'node_modules/typescript/bin/tsc')
const run = promisify(execFile)

let project: Project
let lapi: FakeLapi
let packed: Packed

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

beforeAll(async () => {
  project = new Project(await mkdtemp(join(tmpdir(), 'csb-installed-')))
  const installed = join(project.directory, 'node_modules/crowdsec-bouncer')
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', project.directory]
  const { stdout } = await run('npm', pack, { cwd: ROOT })
  const [tarball] = JSON.parse(stdout) as Packed[]
  packed = tarball
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', join(project.directory, packed.filename), '-C', installed, '--strip-components=1'])
  const { dependencies }: Manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  const others = ['@types', 'connect', 'fastify', 'hono', 'koa']
  for (const name of [...Object.keys(dependencies), ...others]) {
    await project.link(name, join(ROOT, 'node_modules', name))
  }
  lapi = await FakeLapi.start()
  lapi.add({ value: '203.0.113.7', duration: '4h', scenario: 'ssh-bf' })
})

afterAll(async () => {
  await lapi.stop()
  await rm(project.directory, { recursive: true })
})

async function expectProtected(file: string): Promise<void> {
  const port = await freePort()
  const app = await startApp(project.directory, [file], port, lapi)
  try {
    const statusFor = async (address: string) =>
      (await fetch(app.url, { headers: { 'x-forwarded-for': address } })).status
    await expect.poll(() => statusFor('203.0.113.7')).toBe(403)
    expect(await statusFor('9.9.9.9')).toBe(200)
  } finally {
    await app.stop()
  }
}

it('holds what users need and nothing else', () => {
  const files = packed.files.map(({ path }) => path)
  const expected =
    /^(dist\/(src|middleware)\/[\w/-]+\.(js|d\.ts)|docs\/[\w/-]+\.(md|svg)|examples\/.*|(CHANGELOG|CONTRIBUTING|README|SECURITY)\.md|LICENSE|package\.json)$/
  expect(files.filter((file) => !expected.test(file))).toEqual([])
  for (const needed of [
    'dist/src/index.js',
    'dist/src/index.d.ts',
    ...['express', 'fastify', 'hono', 'http', 'koa'].map((face) => `dist/middleware/${face}.js`),
    'dist/src/cli/main.js',
    'dist/src/capi-client.js',
    'examples/capi-only/app.mjs',
    'examples/signals/failed-logins.mjs',
    'examples/signals/send.mjs',
  ]) {
    expect(files).toContain(needed)
  }
  expect(files).toContain('examples/service/crowdsec-bouncer.yaml')
  expect(files.filter((file) => file.endsWith('.local'))).toEqual([])
})

it.each(['esm.mjs', 'commonjs.cjs'])('%s', async (file) => {
  await copyFile(join(PROJECTS, file), join(project.directory, file))
  await expectProtected(file)
})

it.each([
  ['bundler', 'Preserve'],
  ['nodenext', 'NodeNext'],
])('typescript.ts, moduleResolution %s', async (moduleResolution, module) => {
  const name = `typescript-${moduleResolution}`
  await compile('typescript.ts', name, { module, moduleResolution, skipLibCheck: true })
  await expectProtected(`${name}.js`)
})

it('capi.ts, our declarations checked too, without the packages of the databases', async () => {
  await compile('capi.ts', 'capi', { module: 'NodeNext', moduleResolution: 'NodeNext', skipLibCheck: false })
  const { stdout } = await run(process.execPath, ['capi.js'], { cwd: project.directory })
  expect(stdout).toBe('memory 1 queued, sqlite needs kysely\n')
})

async function compile(file: string, name: string, options: object): Promise<void> {
  await project.write('package.json', JSON.stringify({ type: 'module' }))
  await copyFile(join(PROJECTS, file), join(project.directory, `${name}.ts`))
  const compilerOptions = {
    target: 'ES2023',
    strict: true,
    exactOptionalPropertyTypes: true,
    noPropertyAccessFromIndexSignature: true,
    types: ['node'],
    ...options,
  }
  await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: [`${name}.ts`] }))
  const compiled = await run(process.execPath, [TYPESCRIPT, '-p', '.'], { cwd: project.directory }).catch(
    (error) => error,
  )
  expect(compiled.stdout).toBe('')
}
