/** `npm run reliability` on a real PostgreSQL: the server must let go of what a killed process was about to store. */

import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { PostgresEngine } from './postgres-engine.js'

const run = promisify(execFile)
const main = resolve(import.meta.dirname, '../reliability/main.mjs')

it('signals arrive over faults and three kills', async () => {
  const engine = await PostgresEngine.start()
  try {
    const storage = await engine.createDatabase()
    const options = ['--signals', '10000', '--seed', '7', '--storage', storage, '--json']
    const { stdout } = await run(process.execPath, [main, ...options])
    expect(JSON.parse(stdout)).toMatchObject({ storage: 'postgresql', arrived: 10_000, lost: 0, kills: 3, wrong: [] })
  } finally {
    await engine.stop()
  }
})
