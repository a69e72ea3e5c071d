/** Express 4 and 5: `app.use(crowdsec({ apiUrl, apiKey }))`. */

import type { Request, RequestHandler, Response } from 'express'
import type { Verdict } from '../src/decisions/decision.js'
import { Bouncer, type BouncerOptions, createBouncer } from '../src/index.js'
import { type Answer, answerFor } from '../src/remediation/answer.js'

declare global {
  namespace Express {
    interface Request {
      /** The verdict on `req.ip`; undefined until the middleware has run. */
      crowdsec?: Verdict
    }
  }
}

/** The middleware, and the bouncer that it asks. */
export interface CrowdsecHandler extends RequestHandler {
  readonly bouncer: Bouncer
}

/**
 * Judges `req.ip`, which honours Express' own `trust proxy`. Given options it makes a bouncer and starts it; that bouncer does
 * not keep the process alive. Given a bouncer, starting and stopping it is the caller's. Throws `ERR_CSB_CONFIG` at once.
 */
export function crowdsec(options: BouncerOptions | Bouncer): CrowdsecHandler {
  const bouncer = options instanceof Bouncer ? options : createBouncer(options)
  if (bouncer !== options) void bouncer.start()
  const handler: RequestHandler = (req, res, next) => {
    const verdict = bouncer.check(req.ip ?? '')
    req.crowdsec = verdict
    warnAboutProxy(bouncer, req)
    const answer = answerFor(verdict, bouncer.remediationFallback, req.headers.accept)
    if (answer === null) next()
    else send(res, answer)
  }
  return Object.assign(handler, { bouncer })
}

/** Behind a proxy that Express does not trust, every visitor has the proxy's address and nobody is blocked. */
function warnAboutProxy(bouncer: Bouncer, req: Request): void {
  if (req.headers['x-forwarded-for'] === undefined || req.app?.get('trust proxy') !== false) return
  bouncer.warnOnce(
    'CSB_TRUST_PROXY',
    "Requests carry X-Forwarded-For, but Express' `trust proxy` is off, so the proxy's address is judged and not the visitor's",
  )
}

function send(res: Response, answer: Answer): void {
  res.writeHead(answer.status, answer.headers)
  res.end(answer.body)
}
