/** Plain `node:http`, and what has Connect's `(req, res, next)`, such as NestJS on Express. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Passage, RequestReader } from '../src/gate.js'
import type { Bouncer, BouncerOptions, RouteOverrides, Verdict } from '../src/index.js'
import { peerAddress } from '../src/net/peer-address.js'
import { openGate } from '../src/open-gate.js'

declare module 'http' {
  interface IncomingMessage {
    /** The verdict on the visitor; undefined until he was judged. */
    crowdsec?: Verdict
  }
}

/** Called, without an error, where the request may go on. */
export type Next = (error?: unknown) => void

/**
 * Answers a request that may not go on. Tells whether it may, and calls `next` then. At once where the decisions are in memory,
 * else with a promise. What `next` throws is not caught.
 */
export interface CrowdsecHandler {
  (req: IncomingMessage, res: ServerResponse, next?: Next): boolean | Promise<boolean>
  /** The bouncer that is asked. */
  readonly bouncer: Bouncer
}

/** Connect cuts `url` where it mounts, and keeps all of it here. */
type Request = IncomingMessage & { readonly originalUrl?: string }

const reader: RequestReader<Request> = {
  address: (req) => peerAddress(req.socket),
  peer: (req) => peerAddress(req.socket),
  header: (req, name) => req.headers[name],
  method: (req) => req.method ?? '',
  path: (req) => req.originalUrl ?? req.url ?? '',
  proxyTrust: () => 'none',
  proxySettings: '`trustedProxies`',
}

/**
 * Judges the address of the socket, unless `trustedProxies` is given. Given options it makes a bouncer and starts it; that
 * bouncer does not keep the process alive. Given a bouncer, starting and stopping it is the caller's, and `overrides` hold for
 * this route alone. Throws `ERR_CSB_CONFIG` at once.
 */
export function crowdsec(options: BouncerOptions | Bouncer, overrides?: RouteOverrides): CrowdsecHandler {
  const { bouncer, gate } = openGate(options, reader, overrides)
  const handler = (req: IncomingMessage, res: ServerResponse, next?: Next) => {
    const passage = gate.enter(req)
    if (passage instanceof Promise) return passage.then((one) => finish(one, req, res, next))
    return finish(passage, req, res, next)
  }
  return Object.assign(handler, { bouncer })
}

function finish({ verdict, answer }: Passage, req: IncomingMessage, res: ServerResponse, next?: Next): boolean {
  req.crowdsec = verdict
  if (answer === null) next?.()
  else if (!res.headersSent) res.writeHead(answer.status, answer.headers).end(answer.body)
  return answer === null
}
