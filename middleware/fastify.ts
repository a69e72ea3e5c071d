/** Fastify 5: `app.register(crowdsec({ apiUrl, apiKey }))`. */

import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { Passage, RequestReader } from '../src/gate.js'
import type { Bouncer, BouncerOptions, RouteOverrides, Verdict } from '../src/index.js'
import { peerAddress } from '../src/net/peer-address.js'
import { openGate } from '../src/open-gate.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The verdict on the visitor; undefined until the plugin's `onRequest` hook has run. */
    crowdsec?: Verdict
  }
}

/** The plugin, and the bouncer that it asks. */
export type CrowdsecPlugin = FastifyPluginCallback & { readonly bouncer: Bouncer }

type Done = (error?: Error) => void

const reader: RequestReader<FastifyRequest> = {
  address: (request) => request.ip,
  peer: (request) => peerAddress(request.raw.socket),
  header: (request, name) => request.headers[name],
  method: (request) => request.method,
  path: (request) => request.originalUrl,
  proxyTrust: (request) => (request.ips === undefined ? 'none' : 'some'), // Fastify does not show how far it trusts
  proxySettings: "Fastify's `trustProxy` or `trustedProxies`",
}

/**
 * Judges `request.ip`, which honours Fastify's own `trustProxy`, unless `trustedProxies` is given, in an `onRequest` hook of the
 * instance that registers it. Given options it makes a bouncer and starts it; that bouncer does not keep the process alive.
 * Given a bouncer, starting and stopping it is the caller's, and `overrides` hold for this instance alone. Throws
 * `ERR_CSB_CONFIG` at once.
 */
export function crowdsec(options: BouncerOptions | Bouncer, overrides?: RouteOverrides): CrowdsecPlugin {
  const { bouncer, gate } = openGate(options, reader, overrides)
  const plugin: FastifyPluginCallback = (app, _options, registered) => {
    if (!app.hasRequestDecorator('crowdsec')) app.decorateRequest('crowdsec', undefined)
    app.addHook('onRequest', (request, reply, done) => {
      const passage = gate.enter(request)
      if (passage instanceof Promise) passage.then((one) => finish(one, request, reply, done)).catch(done)
      else finish(passage, request, reply, done)
    })
    registered()
  }
  // What the package fastify-plugin would do: the hook counts for the instance that registers, not for a child of its own.
  return Object.assign(plugin, { bouncer, [Symbol.for('skip-override')]: true })
}

function finish({ verdict, answer }: Passage, request: FastifyRequest, reply: FastifyReply, done: Done): void {
  request.crowdsec = verdict
  if (answer === null) done()
  else reply.code(answer.status).headers(answer.headers).send(answer.body)
}
