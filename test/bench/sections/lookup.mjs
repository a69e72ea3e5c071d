/** check() of text among the large number of decisions, against the floor: our own parser and bare random memory reads. */

import { expectExact } from '../correctness.mjs'
import { ACTIONS, makeDecisions, makeQueries } from '../data.mjs'
import { Oracle } from '../oracle.mjs'
import { progress } from '../progress.mjs'
import { measureRounds } from '../rounds.mjs'
import { median, medianRatio } from '../statistics.mjs'
import { bouncerWith, createAddressWords, parseAddress } from '../subject.mjs'
import { atMost, shown } from '../target.mjs'
import { countOf, nanoseconds } from '../text.mjs'

/** 64 MB: more than a core's own caches hold, as the tables of a million decisions are. */
const floorMemory = new Int32Array(1 << 24).fill(1)

export async function run({ large, queryCount, rounds, seed }) {
  progress(`lookup: ${countOf(large)} decisions`)
  const sets = makeQuerySets(large, queryCount, seed)
  const { bouncer } = await bouncerWith(sets.decisions)
  const check = (text) => ACTIONS.indexOf(bouncer.check(text).action)
  for (const [name, queries] of Object.entries(sets.queries)) await expectExact(name, queries, check)

  const variants = Object.entries(sets.queries).flatMap(([name, inputs]) => [
    { name: `${name} parse`, inputs, answer: makeParse() },
    { name: `${name} floor`, inputs, answer: name.startsWith('IPv6') ? makeIpv6Floor() : makeIpv4Floor() },
    { name: `${name} check`, inputs, answer: makeCheck(bouncer) },
  ])
  const times = await measureRounds(variants, rounds)
  await bouncer.stop()
  return rowsOf(times, large)
}

function makeQuerySets(large, count, seed) {
  const data = makeDecisions(large, seed)
  const oracle = new Oracle(data.decisions)
  const queries = {}
  for (const [family, hits] of [
    [4, 0.05],
    [4, 0.5],
    [6, 0.05],
    [6, 0.5],
  ]) {
    queries[`IPv${family}, ${hits * 100} % hits`] = makeQueries(data, oracle, { family, hits, count })
  }
  queries['IPv4-mapped, 5 % hits'] = queries['IPv4, 5 % hits'].spelled((text) => `::ffff:${text}`)
  return { decisions: data.decisions, queries }
}

function makeCheck(bouncer) {
  return (text) => (bouncer.check(text).action === 'allow' ? 0 : 1)
}

function makeParse() {
  const words = createAddressWords()
  return (text) => {
    parseAddress(text, words)
    return words[0] & 1
  }
}

function makeIpv4Floor() {
  const words = createAddressWords()
  return (text) => {
    parseAddress(text, words)
    return floorMemory[Math.imul(words[0], 0x9e3779b1) >>> 8]
  }
}

/** Two reads that do not wait for each other. */
function makeIpv6Floor() {
  const words = createAddressWords()
  return (text) => {
    parseAddress(text, words)
    const first = Math.imul(words[0] ^ (words[1] * 31), 0x9e3779b1)
    const second = Math.imul(first ^ words[2] ^ (words[3] * 31), 0x85ebca6b)
    return floorMemory[first >>> 8] + floorMemory[second >>> 8]
  }
}

function rowsOf(times, large) {
  const rows = []
  for (const [name, limit] of [
    ['IPv4, 5 % hits', 1.25],
    ['IPv4, 50 % hits', 1.25],
    ['IPv6, 5 % hits', 1.5],
    ['IPv6, 50 % hits', 1.5],
  ]) {
    const check = times[`${name} check`]
    const floor = times[`${name} floor`]
    const detail = `parse ${nanoseconds(times[`${name} parse`])}, floor ${nanoseconds(floor)}, check ${nanoseconds(check)}`
    rows.push(
      atMost(`check() of ${name}, ${countOf(large)} decisions`, medianRatio(check, floor), limit, 'x floor', detail),
    )
    rows.push(shown(`floor, ${name}`, median(floor), 'ns', '', 'floor'))
    rows.push(shown(`check(), ${name}`, median(check), 'ns', '', 'floor'))
  }
  const mapped = times['IPv4-mapped, 5 % hits check']
  const plain = times['IPv4, 5 % hits check']
  const detail = `parse ${nanoseconds(times['IPv4-mapped, 5 % hits parse'])}, check ${nanoseconds(mapped)}`
  rows.push(atMost('check() of IPv4-mapped, 5 % hits', medianRatio(mapped, plain), 1.3, 'x IPv4', detail))
  return rows
}
