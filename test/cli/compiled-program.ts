/** The program, compiled for one test file, so that a stale or missing `dist` does not matter. */

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** To be called at the top of the file. The path of `main.js`, which is there when the first test runs. */
export function compiledProgram(): string {
  // Inside the package, because that is where compiled code finds its dependencies and package.json.
  mkdirSync(join(root, '.cache'), { recursive: true })
  const outDir = mkdtempSync(join(root, '.cache', 'cli-test-'))
  beforeAll(async () => {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const args = [
      tsc,
      '-p',
      join(root, 'tsconfig.build.json'),
      '--outDir',
      outDir,
      '--declaration',
      'false',
      '--noCheck',
    ]
    // Types are `npm run check`'s business, and take four fifths of the time. A missing main.js fails every test here.
    await new Promise((resolve) => execFile(process.execPath, args, resolve))
  }, 60_000)
  afterAll(() => rmSync(outDir, { recursive: true, force: true }))
  return join(outDir, 'src', 'cli', 'main.js')
}
