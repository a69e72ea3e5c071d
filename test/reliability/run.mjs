/**
 * The run: one process after the other stores and sends, and three of them are killed with -9: in the middle of storing, between
 * CAPI's 2xx and the mark, and at any moment of sending.
 */

import { Random } from '../bench/random.mjs'
import { ObservedCapi } from './observed-capi.mjs'
import { judge } from './proof.mjs'
import { SenderProcess } from './sender-process.mjs'
import { MACHINES } from './signals.mjs'

/** Signals that are stored in one transaction, and that CAPI takes in one request. */
const LARGEST_ADD = 1000
const LARGEST_PUSH = 250

/** A dead sender's claims hold for five minutes. The clock of each storage is ahead of the one before by more. */
const LEASE_IS_OVER = 6 * 60_000

const FAULT_RATE = 0.05

/** `storage` is empty at first. Returns what was measured, and what is wrong. */
export async function run({ signals, seed, storage, tell }) {
  const capi = await ObservedCapi.start({ strict: true, faultRate: { rate: FAULT_RATE, seed } })
  try {
    const chunk = Math.min(LARGEST_ADD, Math.floor(signals / 10))
    const children = await runChildren({ signals, seed, storage, tell, capi, chunk })
    return { ...measured(children, signals, capi), ...judge({ signals, seed, capi, children, chunk }) }
  } finally {
    await capi.stop()
  }
}

async function runChildren({ signals, seed, storage, tell, capi, chunk }) {
  const random = new Random(seed)
  const between = (low, high, whole) => Math.max(1, Math.floor((whole * (low + random.below(high - low))) / 100))
  const pushes = Math.ceil(signals / LARGEST_PUSH)
  // What each process is given, and what kills it.
  const plans = [
    { freezeInAdd: { chunk: between(20, 80, signals / chunk), turns: 1 + random.below(4) } },
    { freezeAtMark: between(10, 30, pushes) },
    { killAfter: { taken: between(20, 40, pushes), milliseconds: random.below(500) / 100 } },
    {},
  ]
  const children = []
  let acknowledged = 0
  for (const [index, plan] of plans.entries()) {
    const { freezeInAdd = null, freezeAtMark = null, killAfter = null } = plan
    const job = {
      seed,
      signals,
      // The last that was acknowledged is stored once more: whoever was killed cannot know what he was told of.
      from: Math.max(0, acknowledged - chunk),
      chunk,
      storage,
      url: `${capi.url}/v3`,
      clockAhead: index * LEASE_IS_OVER,
      freezeInAdd,
      freezeAtMark,
    }
    capi.child = index
    const child = new SenderProcess(job, ({ told }) => {
      if (told.startsWith('frozen')) child.kill()
    })
    capi.onTaken = () => {
      if (killAfter !== null && capi.taken === killAfter.taken) setTimeout(() => child.kill(), killAfter.milliseconds)
    }
    const overdue = setTimeout(() => child.kill(), 60_000 + 10 * signals)
    const end = await child.end()
    clearTimeout(overdue)
    const acknowledgedBefore = acknowledged
    acknowledged = child.lines('added').at(-1)?.upTo ?? acknowledged
    const inFlight = end === 'SIGKILL' ? capi.killed() : 0
    children.push({ child, end, inFlight, acknowledgedBefore })
    tell(`process ${index + 1}: ${howItEnded({ child, end, inFlight })}`)
  }
  return children
}

function howItEnded({ child, end, inFlight }) {
  const { told } = child.heard.at(-1)
  const stored = child.lines('added').reduce((sum, { added }) => sum + added, 0)
  const what = `stored ${stored}`
  if (end === 'ended') return `${what}, and sent the rest`
  const where = told.startsWith('frozen') ? told.replace('frozen ', '') : 'while sending'
  return `${what}, killed ${where}, with ${inFlight} pushes in flight`
}

function measured(children, signals, capi) {
  const all = children.map(({ child }) => child)
  const storing = all.flatMap((child) => child.lines('added')).reduce((sum, { seconds }) => sum + seconds, 0)
  const sending = all.reduce((sum, child) => {
    const began = child.line('stored')?.at
    return began === undefined ? sum : sum + (child.heard.at(-1).at - began) / 1000
  }, 0)
  return {
    signals,
    machines: MACHINES.length,
    kills: children.filter(({ end }) => end === 'SIGKILL').length,
    pushes: capi.pushes.length,
    faults: capi.faults,
    logins: capi.requests.filter(({ path }) => path === '/v3/watchers/login').length,
    storingSeconds: storing,
    sendingSeconds: sending,
    sentPerSecond: signals / sending,
    memory: Math.max(...all.flatMap((child) => child.heard.map(({ memory }) => memory))),
  }
}
