/** The two routes that answer with decisions: queries, the moves of `last_pull`, and the faults within an answer. */

import { setTimeout as delay } from 'node:timers/promises'
import { answerHead, answerMessage, answerPieces, jsonType } from './answer.js'
import { liveBody, streamBody } from './decision-body.js'
import { BadFilter } from './decision-filter.js'
import { bodyStop } from './fault-answer.js'
import type { Fault } from './faults.js'
import { authenticated, type LapiExchange, type LapiState } from './lapi-state.js'
import { type StreamSelection, selectLive, selectStream } from './stream-query.js'

const liveBumpMs = 60_000

/** `GET /v1/decisions`. */
export async function live(state: LapiState, exchange: LapiExchange): Promise<void> {
  const { request, response, query, now } = exchange
  const session = authenticated(state, exchange)
  if (!session) return
  const rows = filtered(() => selectLive(state.table, query, state.traits, now))
  if (rows instanceof BadFilter) {
    answerMessage(request, response, 500, rows.message)
    return
  }
  if (request.method === 'HEAD') {
    answerHead(request, response)
    return
  }
  // A live query counts as a pull once the last one is a minute old, so live and stream under one key lose deltas.
  if (session.lastPull === null || now - session.lastPull >= liveBumpMs) state.sessions.pulled(session.name, now)
  await paused(state, exchange)
  const pieces = liveBody(rows, state.traits, now)
  await answerPieces(request, response, pieces, { type: jsonType, framing: 'auto', stop: bodyStop(exchange.fault) })
}

/** `GET /v1/decisions/stream`. */
export async function stream(state: LapiState, exchange: LapiExchange): Promise<void> {
  const { request, response, query, now } = exchange
  const { traits } = state
  const session = authenticated(state, exchange)
  if (!session) return
  if (request.method === 'HEAD' && traits.head === 'checks-key') {
    answerHead(request, response)
    return
  }
  const selection = filtered(() => selectStream(state.table, query, traits, now, session.lastPull))
  if (selection instanceof BadFilter && traits.badStreamFilter === 'status-500') {
    const since = `new decisions since '${goTime(session.lastPull ?? 0)}'`
    const what = query.get('startup') === 'true' ? 'get all decisions with filters' : since
    answerMessage(request, response, 500, `${what}: unable to query`)
    return
  }
  const failed = selection instanceof BadFilter || exchange.fault?.kind === 'truncated'
  const shown = selection instanceof BadFilter ? { new: [], deleted: [] } : truncated(selection, exchange.fault)
  if (traits.lastPullMoves === 'before-answer' && !failed) state.sessions.pulled(session.name, now)
  await paused(state, exchange)
  if (request.method === 'HEAD' && query.get('startup') === 'true') {
    answerHead(request, response)
    return
  }
  const outcome = await answerPieces(request, response, streamBody(shown, traits, now), {
    type: traits.body === 'document' ? jsonType : 'application/json',
    framing: traits.body === 'document' ? 'auto' : 'chunked',
    stop: bodyStop(exchange.fault),
  })
  if (traits.lastPullMoves === 'after-answer' && outcome === 'complete' && !failed) {
    state.sessions.pulled(session.name, now)
  }
}

function filtered<T>(select: () => T): T | BadFilter {
  try {
    return select()
  } catch (error) {
    if (error instanceof BadFilter) return error
    throw error
  }
}

/** The delays, after the query: a client that gives up meanwhile has lost its delta in 1.4.6, not in later versions. */
async function paused(state: LapiState, { path, query, fault }: LapiExchange): Promise<void> {
  const startup = path === '/v1/decisions/stream' && query.get('startup') === 'true' ? state.startupDelay : 0
  const ms = startup + (fault?.kind === 'slow' ? fault.ms : 0)
  if (ms > 0) await delay(ms, undefined, { signal: state.stopping })
}

function truncated(selection: StreamSelection, fault: Fault | null): StreamSelection {
  if (fault?.kind !== 'truncated') return selection
  return { new: selection.new.slice(0, fault.keep ?? Math.floor(selection.new.length / 2)), deleted: [] }
}

/** `time.Time.String()` in UTC. */
function goTime(ms: number): string {
  return `${new Date(ms).toISOString().replace('T', ' ').replace('Z', '')} +0000 UTC`
}
