// Stores signals and sends them, with the client as users get it. Tells its parent of each step in a line of JSON, until it is done
// or killed. What to do stands in the environment variable JOB; its storage may have a password.
import { writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { createCapiClient, openStorage } from '../../dist/src/capi-client.js'
import { SCENARIO, signalsOf } from './signals.mjs'

const {
  seed,
  signals,
  from,
  chunk,
  storage: where,
  url,
  clockAhead,
  freezeInAdd,
  freezeAtMark,
} = JSON.parse(process.env.JOB)

// Straight to the pipe: what was said before a kill has been said.
function say(told, more = {}) {
  writeSync(1, `${JSON.stringify({ told, memory: process.resourceUsage().maxRSS * 1024, ...more })}\n`)
}

/** Stops this process in the middle of whatever it does, for good. */
function freeze(told) {
  say(told)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/** Freezes after so many turns of the event loop. */
function freezeAfter(turns) {
  if (turns === 0) freeze('frozen in mid-add')
  else setImmediate(() => freezeAfter(turns - 1))
}

/** What CAPI has taken is about to be marked for the n-th time. */
function freezingAtMark(signals, n) {
  let marks = 0
  return new Proxy(signals, {
    get(target, name) {
      if (name === 'markSent' && ++marks === n) return () => freeze('frozen before the mark')
      return typeof target[name] === 'function' ? target[name].bind(target) : target[name]
    },
  })
}

const opened = await openStorage(where, {
  clock: () => Date.now() + clockAhead,
  limits: { maxSignals: Math.max(signals, 100_000) },
})
const outbox = freezeAtMark === null ? opened.signals : freezingAtMark(opened.signals, freezeAtMark)
const storage = { machines: opened.machines, signals: outbox, target: opened.target, close: () => opened.close() }
const client = await createCapiClient({ url, storage, scenarios: [SCENARIO], retryDelay: '100ms' })
say('opened', { counts: await client.signalCounts() })

for (let start = from; start < signals; start += chunk) {
  const end = Math.min(start + chunk, signals)
  const some = signalsOf(seed, start, end)
  if (freezeInAdd?.chunk === start / chunk) freezeAfter(freezeInAdd.turns)
  const began = performance.now()
  const { added, known, dropped } = await client.addSignals(some)
  say('added', { upTo: end, added, known, dropped, seconds: (performance.now() - began) / 1000 })
}
say('stored')

for (;;) {
  const { remaining, failures } = await client.sendSignals({ onProgress: () => say('progress') })
  say('run', { remaining, failures: failures.map(({ error }) => error.message) })
  if (remaining === 0) break
  // Whoever uses it comes back every few minutes.
  await setTimeout(100)
}
say('done', { counts: await client.signalCounts(), logins: client.counts.logins })
await client.close()
await opened.close()
