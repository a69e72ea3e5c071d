/** A small run of `npm run reliability`. */

import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const main = resolve(import.meta.dirname, 'main.mjs')

it('2,000 signals arrive over faults and three kills, and none but those in flight arrive twice', async () => {
  const { stdout } = await run(process.execPath, [main, '--signals', '2000', '--seed', '7', '--json'])
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ seed: 7, arrived: 2000, lost: 0, kills: 3, machines: 4, wrong: [] })
  expect(result.duplicates).toBeGreaterThan(0)
  expect(result.duplicates).toBeLessThanOrEqual(result.duplicatesAtMost)
}, 60_000)
