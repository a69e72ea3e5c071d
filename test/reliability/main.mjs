// Signals are stored and sent while 5 % of the requests fail and the sender is killed with -9 three times; then it is proven that
// none was lost. The storage, where one is named, must be empty:
//   npm run reliability -- --signals 100000 --seed 1 --storage postgresql://user:password@host/database
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from './run.mjs'

const { values: given } = parseArgs({
  options: {
    signals: { type: 'string' },
    seed: { type: 'string' },
    storage: { type: 'string' },
    json: { type: 'boolean' },
  },
})
const signals = Number(given.signals ?? 100_000)
const seed = Number(given.seed ?? Date.now() % 2 ** 31)
if (!Number.isSafeInteger(signals) || signals < 2000) throw new Error('--signals: expected a whole number from 2000')
if (!Number.isSafeInteger(seed)) throw new Error('--seed: expected a whole number')

const print = (line) => {
  if (given.json !== true) console.log(line)
}
const folder = await mkdtemp(join(tmpdir(), 'reliability-'))
const storage = given.storage ?? `sqlite:${join(folder, 'outbox.db')}`
const kind = storage.startsWith('sqlite:') ? 'sqlite' : 'postgresql'

print(`reliability: ${signals} signals, seed ${seed}, ${kind}`)
const result = await run({ signals, seed, storage, tell: print })
if (result.wrong.length === 0) await rm(folder, { recursive: true })
else if (given.storage === undefined) print(`the database is left in ${folder}`)

if (given.json === true) console.log(JSON.stringify({ seed, storage: kind, ...result }))
else report(result)
process.exitCode = result.wrong.length === 0 ? 0 : 1

function report(found) {
  const number = (value, digits = 0) => value.toLocaleString('en', { maximumFractionDigits: digits })
  const faults = Object.entries(found.faults).map(([kind, count]) => `${count} ${kind}`)
  const { arrived, lost, duplicates, duplicatesAtMost, pushes, pushesBroken, kills, logins } = found
  print(`arrived: ${number(arrived)} different uuids, ${number(lost)} lost`)
  print(`pushes: ${number(pushes)}; faults on them: ${faults.join(', ') || 'none'}; logins: ${logins}`)
  print(`in flight when something broke: ${pushesBroken} pushes, ${number(duplicatesAtMost)} signals (${kills} kills)`)
  print(`duplicates: ${number(duplicates)}`)
  print(`storing: ${number(found.storingSeconds, 1)} s; sending: ${number(found.sendingSeconds, 1)} s`)
  print(
    `rate: ${number(found.sentPerSecond)} signals a second; most memory of a sender: ${number(found.memory / 2 ** 20)} MiB`,
  )
  print(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`)
  for (const sentence of found.wrong) print(`WRONG: ${sentence}`)
  if (found.wrong.length === 0)
    print('right: each duplicate was in flight when something broke, and nothing is left or lost')
}
