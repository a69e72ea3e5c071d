/** What an allowed request leaves on the heap: nothing, by check() and by the Express middleware. */

import { makeDecisions, makeQueries } from '../data.mjs'
import { Oracle } from '../oracle.mjs'
import { progress } from '../progress.mjs'
import { measureRounds } from '../rounds.mjs'
import { medianDifference } from '../statistics.mjs'
import { bouncerWith, crowdsec } from '../subject.mjs'
import { atMost } from '../target.mjs'
import { countOf, nanoseconds, numberText } from '../text.mjs'

const SLICES = 100

export async function run({ medium, calls, queryCount, rounds, seed }) {
  const data = makeDecisions(medium, seed)
  const oracle = new Oracle(data.decisions)
  const queries = makeQueries(data, oracle, { family: 4, hits: 0, count: Math.min(queryCount, 20_000) })
  const { bouncer } = await bouncerWith(data.decisions)
  const middleware = crowdsec(bouncer)

  progress('allocation')
  const texts = queries.batch(0, queries.count)
  const requests = texts.map(stubRequest)
  let passed = 0
  const next = () => passed++
  const nothing = growth(() => passed++, texts, calls)
  const byCheck = growth((text) => (passed += bouncer.check(text).action === 'allow' ? 1 : 0), texts, calls)
  const byMiddleware = growth((request) => middleware(request, RESPONSE, next), requests, calls)
  if (passed < 3 * calls) throw new Error('A request was not allowed')

  const times = await measureMiddleware(middleware, queries, rounds)
  await bouncer.stop()
  const allowance = `${countOf(calls)} calls; an empty loop, taken off: ${numberText(nothing / 1024)} KB`
  const over = medianDifference(times.middleware, times.noop) / 1000
  const detail = `no-op ${nanoseconds(times.noop)}, middleware ${nanoseconds(times.middleware)}`
  return [
    atMost('allocation by check(), allowed', Math.max(0, byCheck - nothing) / 2 ** 20, 1, 'MB', allowance),
    atMost('allocation by the middleware, allowed', Math.max(0, byMiddleware - nothing) / 2 ** 20, 1, 'MB', allowance),
    atMost('middleware, allowed request, over a no-op', over, 1, 'us', detail),
  ]
}

/**
 * Bytes allocated by `calls` calls after warm-up. Taken in slices small enough that a collection within one is rare, and
 * only growth counts, so that what a collection takes away hides nothing.
 */
function growth(call, inputs, calls) {
  const loop = new Function('call', 'inputs', 'n', 'for (let i = 0; i < n; i++) call(inputs[i % inputs.length])')
  const slice = calls / SLICES
  for (let i = 0; i < 20; i++) loop(call, inputs, slice)
  globalThis.gc()
  let grown = 0
  for (let i = 0; i < SLICES; i++) {
    const before = process.memoryUsage().heapUsed
    loop(call, inputs, slice)
    grown += Math.max(0, process.memoryUsage().heapUsed - before)
  }
  return grown
}

const RESPONSE = {}
const APPLICATION = { get: () => false }

function stubRequest(ip) {
  return { ip, method: 'GET', url: '/', headers: { host: 'example.org', accept: '*/*' }, app: APPLICATION }
}

/** New request objects each time, as a server has them: the middleware gives each of them a property. */
function measureMiddleware(middleware, queries, rounds) {
  const inputs = { count: queries.count, batch: (from, count) => queries.batch(from, count).map(stubRequest) }
  const variant = (name, handler) => {
    let passed = 0
    const next = () => passed++
    const answer = (request) => {
      handler(request, RESPONSE, next)
      return passed
    }
    return { name, inputs, answer }
  }
  return measureRounds(
    [variant('noop', (_request, _response, next) => next()), variant('middleware', middleware)],
    rounds,
  )
}
