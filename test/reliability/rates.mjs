// How long storing and sending take without faults, as medians of three, each in a new process on a new file:
//   npm run build && node test/reliability/rates.mjs
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { FakeCapi } from '../../dist/src/testing/index.js'
import { median } from '../bench/statistics.mjs'

const ROUNDS = 3
const module = fileURLToPath(new URL('measure-process.mjs', import.meta.url))
const execute = promisify(execFile)

const WORK = [
  ['store 1,000 in one call', { what: 'store', signals: 1000, chunk: 1000 }],
  ['store 1,000 in calls of one', { what: 'store', signals: 1000, chunk: 1 }],
  ['store 5,000 in one call', { what: 'store', signals: 5000, chunk: 5000 }],
  ['store 5,000 in calls of one', { what: 'store', signals: 5000, chunk: 1 }],
  ['store 100,000 in one call', { what: 'store', signals: 100_000, chunk: 100_000 }],
  ['store 100,000 in calls of 1,000', { what: 'store', signals: 100_000, chunk: 1000 }],
  ['send 5,000', { what: 'send', signals: 5000, chunk: 5000 }],
]

async function measure(work) {
  const folder = await mkdtemp(join(tmpdir(), 'rates-'))
  const capi = await FakeCapi.start()
  try {
    const job = { ...work, storage: `sqlite:${join(folder, 'outbox.db')}`, url: `${capi.url}/v3` }
    const env = { ...process.env, JOB: JSON.stringify(job) }
    return JSON.parse((await execute(process.execPath, [module], { env })).stdout)
  } finally {
    await capi.stop()
    await rm(folder, { recursive: true })
  }
}

console.log('| | seconds | signals a second | longest block of the event loop | memory |\n|---|---|---|---|---|')
const rounds = WORK.map(() => [])
// All of it again and again, so that a bad minute of the machine strikes each of them once.
for (let round = 0; round < ROUNDS; round++) {
  for (const [index, [, work]] of WORK.entries()) rounds[index].push(await measure(work))
}
for (const [index, [name, { signals }]] of WORK.entries()) {
  const of = (key) => median(rounds[index].map((round) => round[key]))
  const rate = Math.round(signals / of('seconds')).toLocaleString('en')
  const block = `${of('longestBlock').toFixed(0)} ms`
  console.log(
    `| ${name} | ${of('seconds').toFixed(2)} | ${rate} | ${block} | ${(of('memory') / 2 ** 20).toFixed(0)} MiB |`,
  )
}
console.log(
  `\nNode ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`,
)
