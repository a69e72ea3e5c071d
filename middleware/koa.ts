/** Koa 2 and 3: `app.use(crowdsec({ apiUrl, apiKey }))`. */

import type { Context, Middleware } from 'koa'
import type { RequestReader } from '../src/gate.js'
import type { Bouncer, BouncerOptions, RouteOverrides, Verdict } from '../src/index.js'
import { peerAddress } from '../src/net/peer-address.js'
import { openGate } from '../src/open-gate.js'

declare module 'koa' {
  interface DefaultState {
    /** The verdict on the visitor; undefined until the middleware has run. */
    crowdsec?: Verdict
  }
}

/** The middleware, and the bouncer that it asks. */
export type CrowdsecMiddleware = Middleware & { readonly bouncer: Bouncer }

const reader: RequestReader<Context> = {
  address: (ctx) => ctx.ip,
  peer: (ctx) => peerAddress(ctx.req.socket),
  header: (ctx, name) => ctx.headers[name],
  method: (ctx) => ctx.method,
  path: (ctx) => ctx.originalUrl,
  proxyTrust: ({ app }) => {
    if (!app.proxy) return 'none'
    return app.maxIpsCount > 0 ? 'some' : 'all'
  },
  proxySettings: "Koa's `app.proxy` and `app.maxIpsCount`, or `trustedProxies`",
}

/**
 * Judges `ctx.ip`, which honours Koa's own `app.proxy` and `app.maxIpsCount`, unless `trustedProxies` is given. Given options it
 * makes a bouncer and starts it; that bouncer does not keep the process alive. Given a bouncer, starting and stopping it is the
 * caller's, and `overrides` hold for this route alone. Throws `ERR_CSB_CONFIG` at once.
 */
export function crowdsec(options: BouncerOptions | Bouncer, overrides?: RouteOverrides): CrowdsecMiddleware {
  const { bouncer, gate } = openGate(options, reader, overrides)
  const middleware: Middleware = async (ctx, next) => {
    const { verdict, answer } = await gate.enter(ctx)
    ctx.state.crowdsec = verdict
    if (answer === null) return next()
    ctx.status = answer.status
    ctx.body = answer.body
    ctx.set(answer.headers)
  }
  return Object.assign(middleware, { bouncer })
}
