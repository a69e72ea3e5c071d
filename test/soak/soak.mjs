// Adds, renewals, deletes, expiries, full resyncs and checks at random, against an oracle, for as long as asked:
//   npm run soak -- --seconds 60 --seed 1
import { parseArgs } from 'node:util'
import { createBouncer } from '../../dist/src/index.js'
import { ExpiringOracle, keep } from './expiring-oracle.mjs'

const { values: given } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } })
const seconds = Number(given.seconds ?? 60)
const seed = Number(given.seed ?? Date.now() % 2 ** 31)

let state = seed | 0
/** mulberry32: an integer from 0 to `below` - 1. */
function random(below) {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
}

/** Half of the addresses come from a few /16s, so that they meet. */
function randomAddress() {
  const high = random(2) === 0 ? 0x0a00 + random(4) : random(65_536)
  return ((high << 16) | random(65_536)) >>> 0
}

function randomTarget() {
  const length = random(10) === 0 ? 8 + random(24) : 32
  return { address: keep(randomAddress(), length), length, type: ['ban', 'captcha', 'throttle'][random(3)] }
}

function textOf(address) {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

function wire({ address, length, type }, duration) {
  const single = length === 32
  const value = single ? textOf(address) : `${textOf(address)}/${length}`
  return {
    origin: 'soak',
    type,
    scope: single ? 'Ip' : 'Range',
    value,
    duration: `${duration}ms`,
    scenario: `s${random(50)}`,
  }
}

let sink
const source = {
  name: 'soak',
  start(given) {
    sink = given
  },
  stop() {},
}
const bouncer = createBouncer({ sources: [source], startTimeout: 100 })
await bouncer.start()
const oracle = new ExpiringOracle()
const counts = { added: 0, deleted: 0, resyncs: 0, checks: 0, unclear: 0, blocked: 0 }
const samples = []
const wrong = []

async function change() {
  const fresh = Array.from({ length: random(400) }, () => ({ target: randomTarget(), duration: 500 + random(20_000) }))
  const held = [...oracle.sweep(performance.now()).values()]
  const gone = Array.from({ length: Math.min(random(300), held.length) }, () => held[random(held.length)])
  await sink.apply({
    deleted: gone.map((target) => wire(target, 1)),
    new: fresh.map(({ target, duration }) => wire(target, duration)),
  })
  for (const target of gone) oracle.remove(target)
  const now = performance.now()
  for (const { target, duration } of fresh) oracle.put(target, now + duration)
  counts.added += fresh.length
  counts.deleted += gone.length
}

async function resync() {
  const fresh = Array.from({ length: 5_000 }, () => ({ target: randomTarget(), duration: 1_000 + random(20_000) }))
  await sink.replaceAll(fresh.map(({ target, duration }) => wire(target, duration)))
  oracle.clear()
  const now = performance.now()
  for (const { target, duration } of fresh) oracle.put(target, now + duration)
  counts.resyncs++
}

function check() {
  for (let i = 0; i < 2_000; i++) {
    const address = randomAddress()
    const expected = oracle.answer(address, performance.now())
    const { action } = bouncer.check(textOf(address))
    counts.checks++
    if (expected === null) counts.unclear++
    else if (action !== expected) wrong.push(`${textOf(address)}: expected ${expected}, got ${action}`)
    if (action !== 'allow') counts.blocked++
  }
}

function sample(elapsed) {
  const { heapUsed } = process.memoryUsage()
  samples.push({ heapUsed, bytes: bouncer.stats().bytes })
  const line = `${elapsed.toFixed(0)} s: ${oracle.size} held, ${counts.checks} checks, heap ${(heapUsed / 1e6).toFixed(1)} MB`
  process.stderr.write(`${line}, pages ${(samples.at(-1).bytes / 1e6).toFixed(1)} MB\n`)
}

console.log(`soak: ${seconds} s, seed ${seed}`)
const began = performance.now()
const elapsed = () => (performance.now() - began) / 1000
let nextSample = 5
while (elapsed() < seconds && wrong.length === 0) {
  if (random(200) === 0) await resync()
  else await change()
  check()
  await new Promise((resolve) => setTimeout(resolve, 5))
  if (elapsed() >= nextSample) {
    globalThis.gc?.()
    sample(elapsed())
    nextSample += 5
  }
}
await bouncer.stop()

const half = samples.slice(0, Math.ceil(samples.length / 2))
const most = (list, key) => Math.max(...list.map((one) => one[key]))
const grew = samples.length >= 4 && most(samples, 'heapUsed') > 1.5 * most(half, 'heapUsed') + 10e6
console.log(
  JSON.stringify({
    ...counts,
    wrong: wrong.length,
    heapMost: most(samples, 'heapUsed'),
    pagesMost: most(samples, 'bytes'),
  }),
)
for (const one of wrong.slice(0, 10)) console.log(one)
if (grew) console.log('the heap grew by more than half in the second half')
if (counts.blocked === 0 || counts.unclear > counts.checks / 2) console.log('nothing was put to the test')
process.exitCode = wrong.length === 0 && !grew && counts.blocked > 0 && counts.unclear <= counts.checks / 2 ? 0 : 1
