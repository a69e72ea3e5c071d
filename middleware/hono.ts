/** Hono 4 on Node, by @hono/node-server: `app.use(crowdsec({ apiUrl, apiKey }))`. */

import type { IncomingMessage } from 'node:http'
import type { Context, MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { RequestReader } from '../src/gate.js'
import type { Bouncer, BouncerOptions, RouteOverrides, Verdict } from '../src/index.js'
import { peerAddress } from '../src/net/peer-address.js'
import { openGate } from '../src/open-gate.js'

declare module 'hono' {
  interface ContextVariableMap {
    /** The verdict on the visitor; undefined until the middleware has run. */
    crowdsec?: Verdict
  }
}

/** The middleware, and the bouncer that it asks. */
export type CrowdsecMiddleware = MiddlewareHandler & { readonly bouncer: Bouncer }

const reader: RequestReader<Context> = {
  address: peerOf,
  peer: peerOf,
  header: (c, name) => c.req.header(name),
  method: (c) => c.req.method,
  path: (c) => c.req.path,
  query: (c) => new URL(c.req.url).search.slice(1),
  proxyTrust: () => 'none',
  proxySettings: '`trustedProxies`',
}

/** What @hono/node-server hands over as `c.env`. */
interface NodeBindings {
  readonly incoming?: IncomingMessage
}

function peerOf(c: Context): string | undefined {
  const bindings: NodeBindings | undefined = c.env
  return peerAddress(bindings?.incoming?.socket)
}

/**
 * Judges the address of the socket, unless `trustedProxies` is given. Given options it makes a bouncer and starts it; that
 * bouncer does not keep the process alive. Given a bouncer, starting and stopping it is the caller's, and `overrides` hold for
 * this route alone. Throws `ERR_CSB_CONFIG` at once.
 */
export function crowdsec(options: BouncerOptions | Bouncer, overrides?: RouteOverrides): CrowdsecMiddleware {
  const { bouncer, gate } = openGate(options, reader, overrides)
  const middleware: MiddlewareHandler = async (c, next) => {
    const { verdict, answer } = await gate.enter(c)
    c.set('crowdsec', verdict)
    if (answer === null) return next()
    return c.body(answer.body, answer.status as ContentfulStatusCode, answer.headers)
  }
  return Object.assign(middleware, { bouncer })
}
