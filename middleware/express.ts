/** Express 4 and 5: `app.use(crowdsec({ apiUrl, apiKey }))`. */

import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { Passage, RequestReader } from '../src/gate.js'
import type { Bouncer, BouncerOptions, RouteOverrides, Verdict } from '../src/index.js'
import { peerAddress } from '../src/net/peer-address.js'
import { openGate } from '../src/open-gate.js'

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
  peer: (req) => peerAddress(req.socket),
  header: (req, name) => req.headers[name],
  method: (req) => req.method,
  path: (req) => req.originalUrl,
  proxyTrust: (req) => {
    const trusted: unknown = req.app?.get('trust proxy')
    if (trusted === true) return 'all'
    return trusted ? 'some' : 'none'
  },
  proxySettings: "Express' `trust proxy` or `trustedProxies`",
}

/**
 * Judges `req.ip`, which honours Express' own `trust proxy`, unless `trustedProxies` is given. Given options it makes a bouncer
 * and starts it; that bouncer does not keep the process alive. Given a bouncer, starting and stopping it is the caller's, and
 * `overrides` hold for this route alone. Throws `ERR_CSB_CONFIG` at once.
 */
export function crowdsec(options: BouncerOptions | Bouncer, overrides?: RouteOverrides): CrowdsecHandler {
  const { bouncer, gate } = openGate(options, reader, overrides)
  const handler: RequestHandler = (req, res, next) => {
    const passage = gate.enter(req)
    if (passage instanceof Promise) passage.then((one) => finish(one, req, res, next)).catch(next)
    else finish(passage, req, res, next)
  }
  return Object.assign(handler, { bouncer })
}

function finish({ verdict, answer }: Passage, req: Request, res: Response, next: NextFunction): void {
  req.crowdsec = verdict
  if (answer === null) next()
  else if (!res.headersSent) res.writeHead(answer.status, answer.headers).end(answer.body)
}
