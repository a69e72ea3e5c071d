/** The routes of a FakeCapi: which path and method lead where, and who may go there. */

import type { z } from 'zod'
import { type CapiAnswer, type CapiExchange, message } from './capi-answer.js'
import { readBody, readValue } from './capi-bodies.js'
import type { CapiMachine } from './capi-machines.js'
import type { CapiState, ReceivedReport } from './capi-state.js'
import { flatBody, groupedBody } from './capi-stream-body.js'
import { enroll, login, register, reset } from './capi-watcher-routes.js'

type OpenHandler = (state: CapiState, exchange: CapiExchange) => CapiAnswer
type Handler = (state: CapiState, exchange: CapiExchange, machine: CapiMachine) => CapiAnswer

const openHandlers: Readonly<Record<string, OpenHandler>> = {
  'POST /watchers': register,
  'POST /watchers/login': login,
  'POST /watchers/reset': reset,
}

const handlers: Readonly<Record<string, Handler>> = {
  'POST /watchers/enroll': enroll,
  'POST /signals': signals,
  'POST /metrics': metrics,
  // The engine posts to this one.
  'POST /metrics/': metrics,
  'GET /decisions/stream': decisions,
}

/** What came with v3. */
const newHandlers: Readonly<Record<string, Handler>> = { ...handlers, 'POST /usage-metrics': usageMetrics }

/** Processes a request in full and says what to answer. */
export function route(state: CapiState, exchange: CapiExchange): CapiAnswer {
  const { request, path, now } = exchange
  const download = state.links.download(exchange)
  if (download) return download
  const [, version, rest] = /^\/(v2|v3)(\/.*)$/.exec(path) ?? []
  if (version === undefined) return message(404, 'Not Found')
  const call = `${request.method} ${rest}`
  const open = openHandlers[call]
  const handler = (version === 'v2' ? handlers : newHandlers)[call]
  if (!open && !handler) return message(404, 'Not Found')
  if (!request.headers['user-agent']) return message(403, 'Forbidden')
  if (open) return open(state, exchange)
  const machine = state.machines.machineOf(request.headers.authorization, now)
  if (!handler || !machine) return message(401, 'Unauthorized')
  const address = request.socket.remoteAddress ?? ''
  if (state.rules.throttle === 'requests' && state.throttle.isPenalised(address, now)) return message(403, 'Forbidden')
  return handler(state, exchange, machine)
}

/** All of a batch is taken, or none of it. */
function signals({ rules, bodies, inbox }: CapiState, { body, now }: CapiExchange, machine: CapiMachine): CapiAnswer {
  const batch = readBody(bodies.batch, body)
  if ('errors' in batch) return message(400, 'Invalid request body', batch.errors)
  const read = readValue(bodies.signals, batch.body)
  if ('errors' in read) return message(rules.onPoison, 'Invalid request body', read.errors)
  rules.onSignals(inbox.accept(read.body, machine.machineId, now))
  return message(200, 'OK')
}

function metrics(state: CapiState, exchange: CapiExchange, machine: CapiMachine): CapiAnswer {
  return keep(state.metrics, state.bodies.metrics, exchange, machine)
}

function usageMetrics(state: CapiState, exchange: CapiExchange, machine: CapiMachine): CapiAnswer {
  return keep(state.usageMetrics, state.bodies.usageMetrics, exchange, machine)
}

function keep(
  reports: ReceivedReport[],
  schema: z.ZodType,
  { body, now }: CapiExchange,
  { machineId }: CapiMachine,
): CapiAnswer {
  const read = readBody(schema, body)
  if ('errors' in read) return message(400, 'Invalid request body', read.errors)
  reports.push({ machineId, at: now, body: read.body })
  return message(200, 'OK')
}

/** Each pull brings everything: CAPI keeps no account of what a machine has. */
function decisions({ lists, links }: CapiState, { request, path, query }: CapiExchange): CapiAnswer {
  const pull = {
    lists,
    links,
    origin: `http://127.0.0.1:${request.socket.localPort}`,
    community: query.get('community_pull') !== 'false',
    additional: query.get('additional_pull') !== 'false',
  }
  const body = path.startsWith('/v2/') ? flatBody(pull) : groupedBody(pull)
  return { status: 200, type: 'application/json', body }
}
