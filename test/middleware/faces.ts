/** One small app per framework, all of them alike: guards, a page that tells the verdict, `/throws`, and an error handler. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import connect from 'connect'
import express, { type ErrorRequestHandler } from 'express'
// @ts-expect-error: the types of Express 5 do for both, and its package of another name has none
import express4 from 'express4'
import fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
// @ts-expect-error: the types of Koa 3 do for both
import Koa2 from 'koa2'
import * as faceOfExpress from '../../middleware/express.js'
import * as faceOfFastify from '../../middleware/fastify.js'
import * as faceOfHono from '../../middleware/hono.js'
import * as faceOfHttp from '../../middleware/http.js'
import * as faceOfKoa from '../../middleware/koa.js'
import type { Bouncer, BouncerOptions, RouteOverrides, Verdict } from '../../src/index.js'

export interface Guard {
  readonly options: BouncerOptions | Bouncer
  readonly overrides?: RouteOverrides
  /** Where it stands: `/`, or a path without a slash at its end. */
  readonly at?: string
}

export interface AppPlan {
  readonly guards: readonly Guard[]
  /** The framework's own setting: it trusts the proxy in front of it, or all. */
  readonly frameworkTrusts?: 'one' | 'all'
  /** What another middleware does before the guards. */
  before?(req: IncomingMessage): Promise<void>
}

/** What the app's own handler was asked. */
export interface Handled {
  readonly path: string
  readonly verdict: Verdict | undefined
}

export interface RunningApp {
  readonly port: number
  /** One for each guard. */
  readonly bouncers: readonly Bouncer[]
  readonly handled: readonly Handled[]
  close(): Promise<void>
}

export interface Face {
  readonly name: string
  /** The framework's own setting about proxies, as the warning names it; null where it has none. */
  readonly proxySetting: string | null
  /** Whether the face can tell that the framework trusts all. */
  readonly showsTrustInAll: boolean
  run(plan: AppPlan): Promise<RunningApp>
}

const nothing = async (): Promise<void> => {}

function handlerOf(handled: Handled[]) {
  return (path: string, verdict: Verdict | undefined) => {
    handled.push({ path, verdict })
    if (path.startsWith('/throws')) throw new Error('thrown by the app')
    return { verdict }
  }
}

function isBelow(path: string, at: string): boolean {
  return at === '/' || path === at || path.startsWith(`${at}/`)
}

async function listening(
  server: Server,
  bouncers: readonly Bouncer[],
  handled: readonly Handled[],
): Promise<RunningApp> {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return { port: (server.address() as AddressInfo).port, bouncers, handled, close }
}

function sendJson(res: ServerResponse, body: unknown): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** An error of the app is answered by the app; one that was answered already would throw here. */
function sendError(res: ServerResponse, error: unknown): void {
  res.writeHead(500, { 'content-type': 'text/plain' }).end(`handled: ${error instanceof Error ? error.message : error}`)
}

function expressFace(name: string, framework: typeof express): Face {
  const run = async ({ guards, frameworkTrusts, before = nothing }: AppPlan): Promise<RunningApp> => {
    const app = framework()
    const handled: Handled[] = []
    const handle = handlerOf(handled)
    if (frameworkTrusts !== undefined) app.set('trust proxy', frameworkTrusts === 'all' ? true : 1)
    app.use((req, _res, next) => void before(req).then(() => next()))
    const handlers = guards.map(({ options, overrides }) => faceOfExpress.crowdsec(options, overrides))
    for (const [index, { at = '/' }] of guards.entries()) app.use(at, handlers[index])
    app.use((req, res) => void res.json(handle(req.originalUrl, req.crowdsec)))
    const onError: ErrorRequestHandler = (error, _req, res, _next) => sendError(res, error)
    app.use(onError)
    return listening(
      createServer(app),
      handlers.map(({ bouncer }) => bouncer),
      handled,
    )
  }
  return { name, proxySetting: "Express' `trust proxy`", showsTrustInAll: true, run }
}

function koaFace(name: string, Framework: typeof Koa): Face {
  const run = async ({ guards, frameworkTrusts, before = nothing }: AppPlan): Promise<RunningApp> => {
    const app = new Framework()
    const handled: Handled[] = []
    const handle = handlerOf(handled)
    if (frameworkTrusts !== undefined) {
      app.proxy = true
      app.maxIpsCount = frameworkTrusts === 'all' ? 0 : 1
    }
    app.use(async (ctx, next) => {
      try {
        await before(ctx.req)
        await next()
      } catch (error) {
        ctx.status = 500
        ctx.body = `handled: ${error instanceof Error ? error.message : error}`
      }
    })
    const middlewares = guards.map(({ options, overrides }) => faceOfKoa.crowdsec(options, overrides))
    for (const [index, { at = '/' }] of guards.entries()) {
      app.use((ctx, next) => (isBelow(ctx.path, at) ? middlewares[index](ctx, next) : next()))
    }
    app.use((ctx) => {
      ctx.body = handle(ctx.originalUrl, ctx.state.crowdsec)
    })
    return listening(
      createServer(app.callback()),
      middlewares.map(({ bouncer }) => bouncer),
      handled,
    )
  }
  return { name, proxySetting: "Koa's `app.proxy`", showsTrustInAll: true, run }
}

const fastifyFace: Face = {
  name: 'Fastify 5',
  proxySetting: "Fastify's `trustProxy`",
  showsTrustInAll: false,
  run: async ({ guards, frameworkTrusts, before = nothing }) => {
    const trust = { none: false, one: '127.0.0.1', all: true }
    const app: FastifyInstance = fastify({ trustProxy: trust[frameworkTrusts ?? 'none'] })
    const handled: Handled[] = []
    const handle = handlerOf(handled)
    app.setErrorHandler((error, _request, reply) => {
      reply.code(500).send(`handled: ${error instanceof Error ? error.message : error}`)
    })
    app.addHook('onRequest', (request) => before(request.raw))
    const plugins = guards.map(({ options, overrides }) => faceOfFastify.crowdsec(options, overrides))
    for (const [index, { at = '/' }] of guards.entries()) {
      if (at === '/') await app.register(plugins[index])
      else {
        await app.register(
          async (child) => {
            await child.register(plugins[index])
            for (const path of ['/', '/*'])
              child.all(path, async (request) => handle(request.originalUrl, request.crowdsec))
          },
          { prefix: at },
        )
      }
    }
    app.all('/*', async (request) => handle(request.originalUrl, request.crowdsec))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return listening(
      app.server,
      plugins.map(({ bouncer }) => bouncer),
      handled,
    )
  },
}

const honoFace: Face = {
  name: 'Hono 4',
  proxySetting: null,
  showsTrustInAll: false,
  run: async ({ guards, before = nothing }) => {
    const app = new Hono<{ Bindings: { incoming: IncomingMessage } }>()
    const handled: Handled[] = []
    const handle = handlerOf(handled)
    app.onError((error, c) => c.text(`handled: ${error.message}`, 500))
    app.use(async (c, next) => {
      await before(c.env.incoming)
      await next()
    })
    const middlewares = guards.map(({ options, overrides }) => faceOfHono.crowdsec(options, overrides))
    for (const [index, { at = '/' }] of guards.entries()) app.use(at === '/' ? '*' : `${at}/*`, middlewares[index])
    app.all('*', (c) => c.json(handle(c.req.path, c.var.crowdsec)))
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
    await once(server, 'listening')
    return listening(
      server,
      middlewares.map(({ bouncer }) => bouncer),
      handled,
    )
  },
}

const httpFace: Face = {
  name: 'node:http',
  proxySetting: null,
  showsTrustInAll: false,
  run: async ({ guards, before = nothing }) => {
    const handled: Handled[] = []
    const handle = handlerOf(handled)
    const handlers = guards.map(({ options, overrides }) => faceOfHttp.crowdsec(options, overrides))
    const server = createServer(async (req, res) => {
      try {
        await before(req)
        for (const [index, { at = '/' }] of guards.entries()) {
          if (isBelow(req.url ?? '', at) && !(await handlers[index](req, res))) return
        }
        sendJson(res, handle(req.url ?? '', req.crowdsec))
      } catch (error) {
        sendError(res, error)
      }
    })
    return listening(
      server,
      handlers.map(({ bouncer }) => bouncer),
      handled,
    )
  },
}

const connectFace: Face = {
  name: 'Connect',
  proxySetting: null,
  showsTrustInAll: false,
  run: async ({ guards, before = nothing }) => {
    const app = connect()
    const handled: Handled[] = []
    const handle = handlerOf(handled)
    app.use((req: IncomingMessage, _res: ServerResponse, next: connect.NextFunction) => {
      before(req).then(() => next(), next)
    })
    const handlers = guards.map(({ options, overrides }) => faceOfHttp.crowdsec(options, overrides))
    for (const [index, { at = '/' }] of guards.entries()) app.use(at, handlers[index])
    app.use((req: connect.IncomingMessage, res: ServerResponse) => {
      sendJson(res, handle(req.originalUrl ?? '', req.crowdsec))
    })
    app.use((error: unknown, _req: IncomingMessage, res: ServerResponse, _next: connect.NextFunction) => {
      sendError(res, error)
    })
    return listening(
      createServer(app),
      handlers.map(({ bouncer }) => bouncer),
      handled,
    )
  },
}

export const FACES: readonly Face[] = [
  expressFace('Express 4', express4 as typeof express),
  expressFace('Express 5', express),
  koaFace('Koa 2', Koa2 as typeof Koa),
  koaFace('Koa 3', Koa),
  fastifyFace,
  honoFace,
  httpFace,
  connectFace,
]
