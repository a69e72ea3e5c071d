// Decisions that come and go from two sources, of which one is CAPI, and blocked visitors that become signals, at random and with
// faults, for as long as asked. In the end every answer, every hit and the memory must be as they should:
//   npm run soak -- --seconds 60 --seed 1
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from './run.mjs'

const { values: given } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } })
const seconds = Number(given.seconds ?? 60)
const seed = Number(given.seed ?? Date.now() % 2 ** 31)
console.log(`soak: ${seconds} s, seed ${seed}`)

const wrong = []
process.on('unhandledRejection', (reason) => wrong.push(`unhandled: ${reason?.stack ?? reason}`))
process.on('warning', ({ name, stack }) => {
  if (name === 'MaxListenersExceededWarning') wrong.push(stack)
})

const folder = await mkdtemp(join(tmpdir(), 'soak-'))
const tell = (line) => process.stderr.write(`${line}\n`)
console.log(JSON.stringify(await run({ seconds, seed, outbox: join(folder, 'outbox.db'), wrong, tell })))

const end = () => {
  for (const one of wrong.slice(0, 10)) console.log(`WRONG: ${one}`)
  process.exitCode = wrong.length === 0 ? 0 : 1
}
if (wrong.length === 0) await rm(folder, { recursive: true })
else console.log(`the outbox is left in ${folder}`)
process.once('exit', end)

// Whatever keeps the process alive now was left behind.
setTimeout(() => {
  wrong.push(`still open: ${process.getActiveResourcesInfo().join(', ')}`)
  process.exit()
}, 2000).unref()
