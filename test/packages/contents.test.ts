import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')

interface Packed {
  readonly files: readonly { readonly path: string }[]
}

it('the package holds what users need and nothing else', async () => {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
  })
  const packed: Packed[] = JSON.parse(stdout)
  const files = packed.flatMap(({ files }) => files.map(({ path }) => path))
  const expected =
    /^(dist\/(src|middleware)\/[\w/-]+\.(js|d\.ts)|docs\/[\w/-]+\.(md|svg)|examples\/.*|(CHANGELOG|README)\.md|LICENSE|package\.json)$/
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
