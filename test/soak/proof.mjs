/**
 * What must hold in the end: of each hit that it was told to CAPI, is left in the outbox, or was dropped with a counter. Each sentence
 * says what does not.
 */

import { openStorage } from '../../dist/src/capi-client.js'

/** Milliseconds. Two seconds are promised, and a busy machine adds to them. */
const LONGEST_STOP = 2500

/** Reasons for which nothing may be dropped here. */
const NEVER = ['policy', 'redacted', 'allowlist', 'outbox', 'failed', 'stopped']

/** Stops the bouncer and asks CAPI. Returns what was measured. */
export async function prove({ bouncer, capi, outbox, visitors, own, lists, memory, revoked, sending, wrong }) {
  const began = performance.now()
  await bouncer.stop()
  const stop = Math.round(performance.now() - began)
  if (stop > LONGEST_STOP) wrong.push(`stop() took ${stop} ms`)
  await sending
  const { signals } = bouncer.stats()
  const { counts, left } = await readOutbox(outbox)
  const report = await capi.report(left)
  await capi.end()
  wrong.push(...wrongOfSignals({ visitors, signals, outbox: counts, report }))
  wrong.push(...memory.growth())
  const { no_room: noRoom } = signals.dropped
  // What is wrong may have ended the run early.
  if (wrong.length === 0) {
    wrong.push(...wrongOfCapi(report, revoked))
    wrong.push(...untested(visitors, { version: lists.version, arrived: report.arrived, noRoom }))
  }
  const { logins, statuses, duplicates } = report
  return {
    answers: visitors.counts,
    own: own.counts,
    capi: { versions: lists.version, revoked, logins: logins[0], statuses },
    signals: { hits: visitors.told.total, ...signals, left: counts.queued, duplicates },
    megabytes: memory.most(),
    stopMilliseconds: stop,
  }
}

async function readOutbox(outbox) {
  const storage = await openStorage(`sqlite:${outbox}`)
  const counts = await storage.signals.counts()
  const left = await storage.signals.list({ limit: 1_000_000 })
  await storage.close()
  return { counts, left: left.map(({ signal }) => signal) }
}

/**
 * `visitors`: what should be. `signals`: what the bouncer says. `outbox`: its counts afterwards. `report`: what CAPI got, with what
 * is left in the outbox added to the sums.
 */
function* wrongOfSignals({ visitors, signals, outbox, report }) {
  const { told, untold } = visitors
  const { dropped, pending, stored, sent, rejected } = signals
  const count = (reason) => dropped[reason] ?? 0
  for (const reason of NEVER) if (count(reason) > 0) yield `${count(reason)} dropped: ${reason}`
  for (const reason of ['origin', 'scenario']) {
    if (count(reason) !== untold[reason])
      yield `${count(reason)} hits dropped for their ${reason}, of ${untold[reason]}`
  }
  // Where there is no room left in a window, nobody looks whose address it is.
  const toldHits = report.sums.reduce((sum, hits) => sum + hits, 0)
  const accounted = toldHits + count('special_address') + count('no_room')
  const all = told.total + untold.special_address
  // What the storage did not take in time is counted in signals, of which each has one hit at least.
  const lost = count('storage')
  if (lost === 0 ? accounted !== all : accounted + lost > all)
    yield `of ${all} hits ${accounted} are accounted for: ${toldHits} told, ${JSON.stringify(dropped)}`
  if (count('special_address') > untold.special_address) yield 'hits were dropped as special that are not'
  const tooMany = report.sums.findIndex((hits, bucket) => hits > told.sums[bucket])
  if (tooMany !== -1) yield `in bucket ${tooMany} ${report.sums[tooMany]} hits were told, of ${told.sums[tooMany]}`
  if (pending > 0) yield `${pending} signals were not stored`
  if (rejected + outbox.quarantined > 0) yield `${outbox.quarantined} signals are in quarantine`
  if (sent + outbox.queued !== stored) yield `${stored} were stored, ${sent} sent, and ${outbox.queued} are left`
  if (report.arrived + report.onlyLeft !== stored) yield `${stored} were stored, and CAPI has ${report.arrived}`
}

/** How it met with CAPI. */
function* wrongOfCapi({ statuses, logins }, revoked) {
  if (logins.length !== 1) yield `${logins.length} machines were registered`
  if (statuses[403] !== undefined) yield 'CAPI answered 403: too many logins'
  if (revoked > 0 && !(statuses[401] > 0)) yield 'no revoked token was ever used'
}

/** A run in which nothing was put to the test proves nothing. */
function* untested({ counts, told }, { version, arrived, noRoom = 0 }) {
  const { checks, ipv6, blocked, unclear, allowlisted } = counts
  for (const [origin, count] of Object.entries(blocked)) if (count === 0) yield `nobody was blocked by ${origin}`
  if (allowlisted === 0) yield 'nobody was let pass by an allowlist'
  if (ipv6 < checks / 4) yield `only ${ipv6} of ${checks} visitors had IPv6`
  if (unclear > checks / 4) yield `${unclear} of ${checks} answers were unclear`
  if (told.total === 0 || arrived === 0) yield 'no hit was told'
  if (version < 2) yield 'CAPI never changed'
  if (noRoom === 0) yield 'no window was ever full'
}
