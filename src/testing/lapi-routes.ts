/** The routes of a FakeLapi: which path and method lead where. */

import { answerMessage, answerText, jsonType } from './answer.js'
import { live, stream } from './decision-routes.js'
import { authenticated, type LapiExchange, type LapiState } from './lapi-state.js'
import type { LapiTraits } from './lapi-version.js'
import { checkUsageMetrics } from './usage-metrics.js'

export async function route(state: LapiState, exchange: LapiExchange): Promise<void> {
  const { request, response, path } = exchange
  const method = request.method ?? ''
  const handler = handlerOf(path, method, state.traits)
  if (typeof handler === 'function') {
    await handler(state, exchange)
    return
  }
  const unslashed = path.replace(/\/$/, '')
  if (unslashed !== path && typeof handlerOf(unslashed, method, state.traits) === 'function')
    redirect(exchange, unslashed)
  else answerText(request, response, handler === 'wrong-method' ? 405 : 404)
}

type Handler = (state: LapiState, exchange: LapiExchange) => Promise<unknown>

function handlerOf(path: string, method: string, traits: LapiTraits): Handler | 'wrong-method' | null {
  switch (path) {
    case '/health':
      return method === 'GET' ? health : 'wrong-method'
    case '/v1/decisions':
      if (method === 'DELETE') return watcherOnly
      return method === 'GET' || method === 'HEAD' ? live : 'wrong-method'
    case '/v1/decisions/stream':
      if (method === 'DELETE') return watcherOnly
      return method === 'GET' || method === 'HEAD' ? stream : 'wrong-method'
    case '/v1/usage-metrics':
      if (traits.usageMetrics === 'absent') return null
      return method === 'POST' ? usageMetrics : 'wrong-method'
    default:
      // `/v1/decisions/:id` exists, for deletion only.
      if (/^\/v1\/decisions\/[^/]+$/.test(path)) return method === 'DELETE' ? watcherOnly : 'wrong-method'
      return null
  }
}

/** gin's answer to a trailing slash: permanent for GET, temporary for the rest. */
function redirect({ request, response }: LapiExchange, path: string): void {
  const [, search] = (request.url ?? '').split(/\?(.*)/s)
  const location = search === undefined ? path : `${path}?${search}`
  const type = { 'Content-Type': 'text/html; charset=utf-8' }
  if (request.method !== 'GET') {
    answerText(request, response, 307, '', { Location: location, ...(request.method === 'HEAD' ? type : {}) })
    return
  }
  const page = `<a href="${location.replaceAll('&', '&amp;')}">Moved Permanently</a>.\n\n`
  answerText(request, response, 301, page, { ...type, Location: location })
}

async function health(_state: LapiState, { request, response }: LapiExchange): Promise<void> {
  const uncached = { 'Cache-Control': 'no-cache', Expires: '-1', Pragma: 'no-cache' }
  answerText(request, response, 200, '{"status":"up"}', { ...uncached, 'Content-Type': jsonType })
}

/** Deleting is for watchers, who log in for a token; an API key does not count. */
async function watcherOnly(_state: LapiState, { request, response }: LapiExchange): Promise<void> {
  answerText(request, response, 401, '{"code":401,"message":"cookie token is empty"}', {
    'Content-Type': jsonType,
    'WWW-Authenticate': 'JWT realm=Crowdsec API local',
  })
}

async function usageMetrics(state: LapiState, exchange: LapiExchange): Promise<void> {
  const { request, response, body } = exchange
  if (!authenticated(state, exchange)) return
  const answer = checkUsageMetrics(body)
  if (answer.status === 201) answerText(request, response, 201)
  else answerMessage(request, response, answer.status, answer.message)
}
