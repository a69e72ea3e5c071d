/** The run: a bouncer with two sources that change all the time, visitors, and a CAPI that fails now and then. */

import { setTimeout } from 'node:timers/promises'
import { Bouncer } from '../../dist/src/bouncer.js'
import { parseOptions } from '../../dist/src/config/parse-options.js'
import { Random } from '../bench/random.mjs'
import { CapiLists } from './capi-lists.mjs'
import { CapiProcess } from './capi-process.mjs'
import { flood } from './flood.mjs'
import { Memory } from './memory.mjs'
import { OwnSource, TOLD_SCENARIOS } from './own-source.mjs'
import { prove } from './proof.mjs'
import { Schedule } from './schedule.mjs'
import { Visitors } from './visitors.mjs'

/** Of the requests to CAPI. */
const FAULT_RATE = 0.05
/** CAPI takes 20 logins in 50 minutes, and each token that it revokes costs one. */
const REVOKED = 10
const LONGEST_BETWEEN_REVOKED = 300

/** `wrong`: sentences, to which others may add; it ends with the first one. */
export async function run({ seconds, seed, outbox, wrong, tell }) {
  const random = new Random(seed)
  const own = new OwnSource(random)
  const lists = new CapiLists(random)
  const capi = await CapiProcess.start({ seed, faultRate: FAULT_RATE })
  const bouncer = createBouncer({ own, url: capi.url, outbox })
  const visitors = new Visitors({ bouncer, own, lists, random, wrong })
  const memory = new Memory(bouncer, outbox)
  const change = () => capi.order('setLists', { lists: lists.next(performance.now()) })
  capi.onServed = (part, version) => lists.served(part, version)
  bouncer.on('synced', ({ source }) => {
    if (source === 'capi') lists.synced()
  })
  change()
  await bouncer.start()

  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1000
  let revoked = 0
  let sending = Promise.resolve()
  const schedule = new Schedule()
  schedule.every(2, () => {
    // Not waited for: it may have to try again. While one is under way the next one waits for it.
    sending = bouncer.sendSignals().catch((error) => wrong.push(`sendSignals: ${error.message}`))
  })
  schedule.every(Math.min(seconds / REVOKED, LONGEST_BETWEEN_REVOKED), () => {
    capi.order('revoke')
    revoked++
  })
  schedule.once(seconds / 10, () => flood({ bouncer, own, visitors }))
  schedule.every(5, () => tell(`${elapsed().toFixed(0)} s: ${stateOf({ bouncer, own, lists, visitors, memory })}`))

  while (elapsed() < seconds && wrong.length === 0) {
    if (random.below(200) === 0) await own.resync()
    else await own.change()
    visitors.come(1000)
    await setTimeout(5)
    if (lists.isOverdue(performance.now())) wrong.push(`version ${lists.version} of CAPI's lists is not in force`)
    if (lists.isSettled && random.below(20) === 0) change()
    await schedule.look(elapsed())
  }
  return prove({ bouncer, capi, outbox, visitors, own, lists, memory, revoked, sending, wrong })
}

function createBouncer({ own, url, outbox }) {
  const options = parseOptions({
    sources: [own],
    startTimeout: 100,
    capiUrl: url,
    capiScenarios: TOLD_SCENARIOS,
    capiStorage: `sqlite:${outbox}`,
    capiPull: true,
    capiAllowPrivateLinks: true,
    report: true,
    reportWindow: '1s',
  })
  // The option takes ten minutes or more, which is more than most runs last.
  return new Bouncer({ ...options, capiPullInterval: 200 })
}

function stateOf({ bouncer, own, lists, visitors, memory }) {
  const { stored, sent } = bouncer.stats().signals
  const sizes = Object.entries(memory.sample()).map(([name, size]) => `${name} ${size}`)
  const held = `${own.held.size} and ${lists.blocking.size} decisions, version ${lists.version} of CAPI's`
  return `${held}, ${visitors.counts.checks} checks, ${stored} signals, ${sent} sent; MB: ${sizes.join(', ')}`
}
