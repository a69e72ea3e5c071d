/** What a running FakeLapi knows, and who asks it. */

import { answerMessage } from './answer.js'
import type { BouncerSession, BouncerSessions } from './bouncer-sessions.js'
import type { DecisionTable } from './decision-table.js'
import type { Exchange } from './exchange.js'
import type { Fault } from './faults.js'
import type { LapiTraits } from './lapi-version.js'

export type LapiExchange = Exchange<Fault>

export interface LapiState {
  readonly traits: LapiTraits
  readonly table: DecisionTable
  readonly sessions: BouncerSessions
  readonly startupDelay: number
  /** Aborted when the server stops: nothing waits on. */
  readonly stopping: AbortSignal
}

/** The session of a request; a bad key has been answered when this is null. */
export function authenticated(state: LapiState, { request, response, now }: LapiExchange): BouncerSession | null {
  const header = request.headers['x-api-key']
  const key = typeof header === 'string' ? header : undefined
  const unnoticed = request.method === 'HEAD' && state.traits.head === 'checks-key'
  const session = unnoticed
    ? state.sessions.find(key)
    : state.sessions.enter(key, request.socket.remoteAddress ?? '', request.headers['user-agent'] ?? '', now)
  if (!session) answerMessage(request, response, 403, 'access forbidden')
  return session
}
