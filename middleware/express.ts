/** Express 4 and 5: `app.use(crowdsec({ apiUrl, apiKey }))`. */

import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { Verdict } from '../src/decisions/decision.js'
import type { Passage, RequestReader } from '../src/gate.js'
import { Bouncer, type BouncerOptions, createBouncer, type RouteOverrides } from '../src/index.js'

declare global {
  namespace Express {
    interface Request {
      /** The verdict on the visitor; undefined until the middleware has run. */
      crowdsec?: Verdict
    }
  }
}

/** The middleware, and the bouncer that it asks. */
export interface CrowdsecHandler extends RequestHandler {
  readonly bouncer: Bouncer
}

const reader: RequestReader<Request> = {
  address: (req) => req.ip,
  peer: (req) => req.socket?.remoteAddress,
  header: (req, name) => req.headers[name],
  method: (req) => req.method,
  path: (req) => req.originalUrl,
  untrustedProxySetting: (req) => (req.app?.get('trust proxy') === false ? "Express' `trust proxy`" : null),
}

/**
 * Judges `req.ip`, which honours Express' own `trust proxy`, unless `trustedProxies` is given. Given options it makes a bouncer
 * and starts it; that bouncer does not keep the process alive. Given a bouncer, starting and stopping it is the caller's, and
 * `overrides` hold for this route alone. Throws `ERR_CSB_CONFIG` at once.
 */
export function crowdsec(options: BouncerOptions | Bouncer, overrides?: RouteOverrides): CrowdsecHandler {
  const bouncer = options instanceof Bouncer ? options : createBouncer(options)
  if (bouncer !== options) bouncer.startInBackground()
  const gate = bouncer.gate(reader, overrides)
  const handler: RequestHandler = (req, res, next) => {
    const passage = gate.enter(req)
    if (passage instanceof Promise) void passage.then((one) => finish(one, req, res, next))
    else finish(passage, req, res, next)
  }
  return Object.assign(handler, { bouncer })
}

function finish({ verdict, answer }: Passage, req: Request, res: Response, next: NextFunction): void {
  req.crowdsec = verdict
  if (answer === null) next()
  else if (!res.headersSent) res.writeHead(answer.status, answer.headers).end(answer.body)
}
