/** One request to a FakeLapi on its way to an answer, what the server knows meanwhile, and who asks. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { answerMessage } from './answer.js'
import type { BouncerSession, BouncerSessions } from './bouncer-sessions.js'
import type { DecisionTable } from './decision-table.js'
import type { Fault, FaultQueue } from './faults.js'
import type { LapiClock } from './lapi-clock.js'
import type { LapiTraits } from './lapi-version.js'
import type { RequestLog } from './request-log.js'

/** Everything that a running FakeLapi knows. */
export interface LapiState {
  readonly traits: LapiTraits
  readonly clock: LapiClock
  readonly table: DecisionTable
  readonly sessions: BouncerSessions
  readonly faults: FaultQueue
  readonly log: RequestLog
  readonly startupDelay: number
  /** Aborted when the server stops: nothing waits on. */
  readonly stopping: AbortSignal
}

/** One request on its way. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  readonly now: number
  readonly fault: Fault | null
}

export async function openExchange(
  state: LapiState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Exchange> {
  const [path = '', search = ''] = (request.url ?? '').split(/\?(.*)/s)
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const raw = Buffer.concat(chunks)
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
  return {
    request,
    response,
    path,
    query: new URLSearchParams(search),
    body: body.toString(),
    now: state.clock.tick(),
    fault: path === '/health' ? null : state.faults.take(path),
  }
}

/** The session of a request; a bad key has been answered when this is null. */
export function authenticated(state: LapiState, { request, response, now }: Exchange): BouncerSession | null {
  const header = request.headers['x-api-key']
  const key = typeof header === 'string' ? header : undefined
  const unnoticed = request.method === 'HEAD' && state.traits.head === 'checks-key'
  const session = unnoticed
    ? state.sessions.find(key)
    : state.sessions.enter(key, request.socket.remoteAddress ?? '', request.headers['user-agent'] ?? '', now)
  if (!session) answerMessage(request, response, 403, 'access forbidden')
  return session
}
