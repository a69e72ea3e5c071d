// Measures one thing in a process that is new, and tells it in a line of JSON. What to do stands in the environment variable JOB.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createCapiClient } from '../../dist/src/capi-client.js'
import { SCENARIO, signalsOf } from './signals.mjs'

const { what, signals, chunk, storage, url } = JSON.parse(process.env.JOB)
const client = await createCapiClient({ url, storage, scenarios: [SCENARIO] })
const all = signalsOf(1, 0, signals)

/** Milliseconds between looks: what it sees is longer by as much. */
const RESOLUTION = 1

async function store() {
  for (let start = 0; start < signals; start += chunk) await client.addSignals(all.slice(start, start + chunk))
}

async function send() {
  const { sent, failures } = await client.sendSignals()
  if (sent !== signals) throw new Error(`sent ${sent} of ${signals}: ${failures.map(({ error }) => error.message)}`)
}

if (what === 'send') {
  await store()
  for (const machineId of new Set(all.map((signal) => signal.machine_id))) await client.login(machineId)
}
const delay = monitorEventLoopDelay({ resolution: RESOLUTION })
delay.enable()
const began = performance.now()
await (what === 'send' ? send() : store())
const seconds = (performance.now() - began) / 1000
// The last block is over only when the loop has turned.
await new Promise((resolve) => setTimeout(resolve, 2 * RESOLUTION))
delay.disable()
console.log(JSON.stringify({ seconds, longestBlock: delay.max / 1e6, memory: process.resourceUsage().maxRSS * 1024 }))
await client.close()
