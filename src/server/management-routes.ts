/** The routes that are asked now and then: liveness, readiness, metrics; and the answer to every other path. */

import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import type { Logger } from '../logger.js'
import { quoted } from '../quoted.js'
import type { CheckedBouncer } from './checked-bouncer.js'
import { sendFailure, sendJson, sendRefusal, sendWrongMethod } from './json-answer.js'

export function managementRoutes(bouncer: CheckedBouncer, logger: Logger): Express {
  const app = express()
  app.disable('x-powered-by')
  const routes = {
    '/livez': (_: Request, response: Response) => sendJson(response, 200, '{"status":"ok"}'),
    '/readyz': (_: Request, response: Response) => {
      const ready = bouncer.isReady()
      sendJson(response, ready ? 200 : 503, readiness(bouncer, ready))
    },
    '/metrics': async (_: Request, response: Response) => {
      const text = await bouncer.registry.metrics()
      response.writeHead(200, { 'content-type': bouncer.registry.contentType, 'cache-control': 'no-store' }).end(text)
    },
  }
  for (const [path, answer] of Object.entries(routes)) {
    app
      .route(path)
      .get(answer)
      .all((request, response) => sendWrongMethod(response, request.method, 'GET, HEAD'))
  }
  app.use((request: Request, response: Response) => {
    sendRefusal(response, {
      status: 404,
      code: 'ERR_CSB_BAD_REQUEST',
      message: `no such path: ${quoted(request.path)}`,
    })
  })
  app.use(((error, _request, response, _next) => {
    sendFailure(response, error, logger)
  }) satisfies ErrorRequestHandler)
  return app
}

function readiness(bouncer: CheckedBouncer, ready: boolean): string {
  const { decisions, sources } = bouncer.stats()
  return JSON.stringify({
    ready,
    decisions,
    sources: sources.map((source) => ({
      name: source.name,
      state: source.state,
      decisions: source.decisions,
      last_sync_age_seconds: source.lastSyncAgeSeconds,
      last_error: source.lastError,
    })),
  })
}
