/** Everything anew, again and again: memory comes back, and the new set takes the old one's place in a moment. */

import { expectExact } from '../correctness.mjs'
import { ACTIONS, makeDecisions, makeQueries } from '../data.mjs'
import { memoryNow } from '../measure-process.mjs'
import { Oracle } from '../oracle.mjs'
import { progress } from '../progress.mjs'
import { bouncerWith } from '../subject.mjs'
import { atMost } from '../target.mjs'
import { countOf, numberText } from '../text.mjs'

export async function run({ large, resyncs, seed }) {
  const { decisions, queries } = makeQuerySet(large, seed)
  const empty = memoryNow().total
  const { bouncer, source } = await bouncerWith(decisions)
  const first = memoryNow().total - empty
  const check = (text) => ACTIONS.indexOf(bouncer.check(text).action)
  let worst = 0
  let shortest = Number.POSITIVE_INFINITY
  let longest = 0
  for (let i = 0; i < resyncs; i++) {
    progress(`resync ${i + 1} of ${resyncs}`)
    const swap = await resync(bouncer, source, decisions)
    shortest = Math.min(shortest, swap)
    longest = Math.max(longest, swap)
    worst = Math.max(worst, Math.abs((memoryNow().total - empty) / first - 1))
    await expectExact('after a resync', queries, check)
  }
  await bouncer.stop()
  const what = `${resyncs} full resyncs of ${countOf(large)}`
  return [
    atMost(
      `${what}: memory against the first load`,
      worst * 100,
      5,
      '% off at most',
      `first load ${numberText(first / 2 ** 20)} MB`,
    ),
    atMost(
      `${what}: from the last decision to the new set in force`,
      shortest,
      1,
      'ms',
      `longest ${numberText(longest)} ms; the swap itself is one assignment`,
    ),
  ]
}

/** A function of its own, so that the oracle is gone before memory is looked at. */
function makeQuerySet(large, seed) {
  const data = makeDecisions(large, seed)
  const queries = makeQueries(data, new Oracle(data.decisions), { family: 4, hits: 0.5, count: 20_000 })
  return { decisions: data.decisions, queries }
}

/** Milliseconds from the end of the data to the event that tells that it is in force. */
async function resync(bouncer, source, decisions) {
  let ended = 0
  let synced = 0
  const note = () => {
    synced = performance.now()
  }
  bouncer.on('synced', note)
  await source.sink.replaceAll(
    (function* () {
      yield* decisions.wires()
      ended = performance.now()
    })(),
  )
  bouncer.off('synced', note)
  return synced - ended
}
