/** check() among the medium number of decisions, against every npm package that can look an address up in ranges. */

import { countWrong, expectExact } from '../correctness.mjs'
import { ACTIONS, makeDecisions, makeQueries } from '../data.mjs'
import { memoryNow } from '../measure-process.mjs'
import { Oracle } from '../oracle.mjs'
import { progress } from '../progress.mjs'
import { measureRounds } from '../rounds.mjs'
import { median, medianRatio } from '../statistics.mjs'
import { bouncerWith } from '../subject.mjs'
import { atLeast, shown } from '../target.mjs'
import { countOf, numberText } from '../text.mjs'

const PEERS = [
  'mmdb-lib',
  'maxmind',
  'longest-prefix-match',
  'netparser',
  'ip-set',
  'block-list',
  'ipaddr',
  'nodejs-bouncer',
]
const US = 'crowdsec-bouncer'
/** The package that does the same job; the others only look up. */
const BOUNCER = '@crowdsec/nodejs-bouncer'
/** A linear peer needs milliseconds for each: this much is enough to catch it out. */
const MOST_SECONDS_TO_COMPARE = 5

export async function run({ medium, queryCount, rounds, seed }) {
  const { decisions, queries } = makeQuerySets(medium, queryCount, seed)
  const contenders = [await ourselves(decisions, queries)]
  for (const peer of PEERS) contenders.push(await contender(peer, decisions, queries))

  const rows = []
  for (const family of ['IPv4', 'IPv6']) {
    progress(`peers: ${family}`)
    const able = contenders.filter(({ wrong }) => !wrong[family].throws)
    const variants = able.map(({ name, answer, isAsync }) => ({ name, answer, isAsync, inputs: queries[family] }))
    const times = await measureRounds(variants, rounds)
    rows.push(...rowsOf(family, contenders, times, medium))
  }
  for (const { name, bytes } of contenders.filter(({ bytes }) => bytes !== null))
    rows.push(shown(`memory: ${name}`, bytes, 'B a decision', '', 'peer-memory'))
  return rows
}

function makeQuerySets(medium, queryCount, seed) {
  const data = makeDecisions(medium, seed)
  const oracle = new Oracle(data.decisions)
  const make = (family) => asBlocked(makeQueries(data, oracle, { family, hits: 0.05, count: queryCount }))
  const queries = { IPv4: make(4), IPv6: make(6) }
  queries.mapped = queries.IPv4.spelled((text) => `::ffff:${text}`)
  return { decisions: data.decisions, queries }
}

/** Most peers know no severity: all are asked only whether anything matches. */
function asBlocked(queries) {
  queries.expected = queries.expected.map((answer) => Math.min(answer, 1))
  return queries
}

async function ourselves(decisions, queries) {
  const before = memoryNow()
  const { bouncer } = await bouncerWith(decisions)
  const bytes = (memoryNow().total - before.total) / decisions.count
  const answer = (text) => (bouncer.check(text).action === ACTIONS[0] ? 0 : 1)
  for (const [name, set] of Object.entries(queries)) await expectExact(name, set, answer)
  return { name: US, note: '', answer, isAsync: false, bytes, wrong: await wrongAnswers(answer, queries) }
}

async function contender(module, decisions, queries) {
  const peer = await import(new URL(`../peers/${module}.mjs`, import.meta.url))
  progress(`peers: ${peer.name} takes ${countOf(decisions.count)} decisions`)
  const before = memoryNow()
  const answer = await peer.build(decisions, ACTIONS)
  const bytes = peer.isNative === true ? null : (memoryNow().total - before.total) / decisions.count
  const isAsync = peer.isAsync === true
  return { name: peer.name, note: peer.note, answer, isAsync, bytes, wrong: await wrongAnswers(answer, queries) }
}

/** Compares as many answers as the time allows. What throws is a wrong answer too. */
async function wrongAnswers(answer, queries) {
  const wrong = {}
  for (const [name, set] of Object.entries(queries)) {
    let throws = false
    const safe = async (text) => {
      try {
        return await answer(text)
      } catch {
        throws = true
        return -1
      }
    }
    const began = performance.now()
    await countWrong(set, safe, 20)
    const each = (performance.now() - began) / 20
    const most = Math.max(20, Math.floor(((MOST_SECONDS_TO_COMPARE / 3) * 1000) / each))
    wrong[name] = { ...(await countWrong(set, safe, most)), throws }
  }
  return wrong
}

function rowsOf(family, contenders, times, medium) {
  const ours = times[US]
  const rows = []
  for (const { name, note, wrong } of contenders) {
    const remarks = [note, wrongText('', wrong[family]), wrongText('mapped ', wrong.mapped)].filter(
      (text) => text !== '',
    )
    const figure = `${family}: ${name}${wrong[family].wrong === 0 ? '' : ' (answers wrong)'}`
    if (times[name] === undefined) rows.push(shown(figure, null, 'ns', remarks.join('; ')))
    else rows.push(shown(figure, median(times[name]), 'ns', remarks.join('; '), `peers-${family.toLowerCase()}`))
  }
  const exact = contenders.filter(({ name, wrong }) => name !== US && name !== BOUNCER && wrong[family].wrong === 0)
  const best = exact.reduce((a, b) => (median(times[a.name]) <= median(times[b.name]) ? a : b)).name
  const figure = `check() of ${family}, 5 % hits, ${countOf(medium)} decisions`
  rows.push(
    atLeast(`${figure}, against the fastest exact package`, medianRatio(times[best], ours), 6, 'x faster', best),
  )
  if (times[BOUNCER] !== undefined) {
    rows.push(atLeast(`${figure}, against ${BOUNCER}`, medianRatio(times[BOUNCER], ours), 50, 'x faster'))
  }
  return rows
}

function wrongText(what, { wrong, asked }) {
  return wrong === 0
    ? ''
    : `${what}${countOf(wrong)} of ${countOf(asked)} wrong (${numberText((100 * wrong) / asked)} %)`
}
