/** Many adds and deletes at once while checks go on: what the checks feel. */

import { expectExact } from '../correctness.mjs'
import { ACTIONS, DecisionSet, makeDecisions, makeQueries } from '../data.mjs'
import { idleBlock, longestBlock } from '../measure-process.mjs'
import { Oracle } from '../oracle.mjs'
import { progress } from '../progress.mjs'
import { quantile } from '../statistics.mjs'
import { bouncerWith } from '../subject.mjs'
import { atMost } from '../target.mjs'
import { countOf, numberText } from '../text.mjs'

const CHECKS_A_SECOND = 5000
const RUNS = 5

export async function run({ large, medium, seed }) {
  progress(`delta: ${countOf(medium)} adds and deletes`)
  const changes = Math.min(medium, Math.floor(large / 4))
  const data = makeDecisions(large + changes, seed)
  const first = part(data.decisions, 0, large)
  const second = withoutFirst(data.decisions, changes)
  const before = queriesOf(data, first)
  const after = queriesOf(data, second)
  const { bouncer, source } = await bouncerWith(first)
  const check = (text) => ACTIONS.indexOf(bouncer.check(text).action)
  const old = [...data.decisions.wires(0, changes)]
  const fresh = [...data.decisions.wires(large, large + changes)]

  const idle = await idleBlock()
  const quiet = await underChecks(bouncer, before, () => new Promise((resolve) => setTimeout(resolve, 1000)))
  const runs = []
  for (let i = 0; i < RUNS; i++) {
    progress(`round ${i + 1} of ${RUNS}`)
    runs.push(await underChecks(bouncer, before, () => source.sink.apply({ deleted: old, new: fresh })))
    await expectExact('after the delta', after, check)
    await source.sink.apply({ deleted: fresh, new: old })
    await expectExact('after the way back', before, check)
  }
  await bouncer.stop()

  const best = (read) => Math.min(...runs.map(read))
  const block = best((run) => run.block)
  const late = best((run) => quantile(run.latencies, 0.999))
  const what = `${countOf(changes)} adds and ${countOf(changes)} deletes in ${countOf(large)}`
  return [
    atMost(
      `${what}: longest block over the idle loop`,
      block - idle,
      10,
      'ms',
      `longest ${numberText(block)} ms, idle loop ${numberText(idle)} ms, checks alone ${numberText(quiet.block)} ms; smallest of ${RUNS}; ${numberText(best((run) => run.seconds) * 1000)} ms in all`,
    ),
    atMost(
      `${what}: p99.9 of check()`,
      late,
      50,
      'us',
      `p50 ${numberText(best((run) => quantile(run.latencies, 0.5)))} us; checks alone p99.9 ${numberText(quantile(quiet.latencies, 0.999))} us; ${numberText(CHECKS_A_SECOND)} checks a second`,
    ),
  ]
}

/** Runs `work` while addresses are checked at an even pace; microseconds of each check. */
async function underChecks(bouncer, queries, work) {
  const texts = queries.batch(0, queries.count)
  const latencies = []
  const began = performance.now()
  let asked = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * CHECKS_A_SECOND
    for (; asked < due; asked++) {
      const start = process.hrtime.bigint()
      bouncer.check(texts[asked % texts.length])
      latencies.push(Number(process.hrtime.bigint() - start) / 1000)
    }
  }, 1)
  const { block } = await longestBlock(work)
  clearInterval(timer)
  return { block, latencies, seconds: (performance.now() - began - 40) / 1000 }
}

function part(decisions, from, to) {
  const set = new DecisionSet(to - from)
  for (let i = from; i < to; i++) copy(decisions, i, set)
  return set
}

function withoutFirst(decisions, changes) {
  return part(decisions, changes, decisions.count)
}

function copy(from, i, to) {
  to.add(from.family[i], from.length[i], from.wordsOf(i), from.action[i], from.origin[i], from.scenario[i])
}

function queriesOf(data, decisions) {
  return makeQueries({ ...data, decisions }, new Oracle(decisions), { family: 4, hits: 0.5, count: 20_000 })
}
