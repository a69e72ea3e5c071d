/** `crowdsec-bouncer capi` as a process of its own: what only a process can show. */

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CapiDesk, idOf } from './capi-desk.js'
import { compiledProgram } from './compiled-program.js'
import { startProgram } from './start-program.js'

const main = compiledProgram()

function start(desk: CapiDesk, words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { child, exit, out, err } = startProgram(main, words, desk.directory, env)
  return { child, end: exit.then((how) => ({ ...how, out: out(), err: err() })) }
}

test('registers, adds from a pipe, sends and ends by itself; nobody else may read the storage', async () => {
  const desk = await CapiDesk.set()
  const at = ['--config', desk.config]
  expect(await start(desk, ['capi', 'register', '--machine-id', idOf('m'), ...at]).end).toMatchObject({
    code: 0,
    out: `${idOf('m')}\n`,
  })
  const adding = start(desk, ['capi', 'signals', 'add', '--file', '-', ...at])
  adding.child.stdin.end('{"address":"192.0.2.1","scenario":"a/b"}\n')
  expect(await adding.end).toEqual({ code: 0, signal: null, out: '1 added\n', err: '' })
  expect(await start(desk, ['capi', 'signals', 'send', ...at]).end).toMatchObject({
    code: 0,
    out: '1 sent, 0 quarantined, 0 queued\n',
  })
  expect(desk.capi.signals).toHaveLength(1)
  expect(statSync(join(desk.directory, 'capi.db')).mode & 0o077).toBe(0)
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends a send cleanly', async (signal) => {
  const desk = await CapiDesk.set()
  await desk.register('--machine-id', idOf('m'))
  await desk.add(2)
  desk.capi.fault({ kind: 'stall', afterBytes: 0 }, { times: 1, match: ({ path }) => path === '/v3/signals' })
  const arrived = desk.capi.nextRequest(({ path }) => path === '/v3/signals')
  const { child, end } = start(desk, ['capi', 'signals', 'send', '-c', desk.config])
  await arrived
  child.kill(signal)
  expect(await end).toEqual({
    code: 1,
    signal: null,
    out: '0 sent, 0 quarantined, 2 queued\n',
    err: 'interrupted; what was not sent stays queued\n',
  })
  expect(await desk.run('signals', 'send')).toMatchObject({ exitCode: 0, out: '2 sent, 0 quarantined, 0 queued\n' })
})

test('is quiet when whoever reads has seen enough', async () => {
  const desk = await CapiDesk.set()
  desk.capi.setCommunity(Array.from({ length: 20_000 }, (_, n) => ({ value: `10.0.${n >> 8}.${n & 255}` })))
  await desk.register()
  const { child, end } = start(desk, ['capi', 'decisions', '--json', '-c', desk.config])
  child.stdout.once('data', () => child.stdout.destroy())
  expect(await end).toMatchObject({ code: 0, err: expect.stringMatching(/^decisions: 20000, /) })
})

test('commands that need no database load none', async () => {
  const desk = await CapiDesk.set()
  const env = { NODE_DEBUG: 'esm' }
  const { code, err } = await start(desk, ['capi', '--help'], env).end
  expect(code).toBe(0)
  expect(err).toContain('commander')
  expect(err).not.toMatch(/node_modules\/(kysely|@photostructure)\//)
  expect((await start(desk, ['capi', 'register', '-c', desk.config], env).end).err).toContain('/node_modules/kysely/')
})
