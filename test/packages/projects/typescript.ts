// TypeScript: every face with the types of its framework, and the exact type of the verdict in each.
import { createServer } from 'node:http'
import connect from 'connect'
import { type Bouncer, type BouncerOptions, createBouncer, type Verdict } from 'crowdsec-bouncer'
import { crowdsec as forExpress } from 'crowdsec-bouncer/express'
import { crowdsec as forFastify } from 'crowdsec-bouncer/fastify'
import { crowdsec as forHono } from 'crowdsec-bouncer/hono'
import { crowdsec as forHttp } from 'crowdsec-bouncer/http'
import { crowdsec as forKoa } from 'crowdsec-bouncer/koa'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'

type Exactly<A, B> = [A, B] extends [B, A] ? (0 extends 1 & A ? false : true) : false
function exactly<A, B>(_holds: Exactly<A, B>): void {}

const options: BouncerOptions = { apiUrl: process.env['LAPI_URL'] ?? '', apiKey: process.env['CROWDSEC_API_KEY'] ?? '' }
const bouncer: Bouncer = createBouncer(options)
await bouncer.start()

const inExpress = express().set('trust proxy', 'loopback')
inExpress.use(forExpress(bouncer, { retryAfter: true }), (req, res) => {
  exactly<typeof req.crowdsec, Verdict | undefined>(true)
  res.send(req.crowdsec?.action)
})

const inKoa = new Koa()
inKoa.use(forKoa(bouncer))
inKoa.use((ctx) => {
  exactly<typeof ctx.state.crowdsec, Verdict | undefined>(true)
  ctx.body = ctx.state.crowdsec?.action
})

const inFastify = fastify()
inFastify.register(forFastify(bouncer))
inFastify.get('/', async (request) => {
  exactly<typeof request.crowdsec, Verdict | undefined>(true)
  return request.crowdsec?.action
})

const inHono = new Hono()
inHono.use(forHono(bouncer, { trustedProxies: 1 }))
inHono.get('/', (c) => {
  exactly<typeof c.var.crowdsec, Verdict | undefined>(true)
  return c.text(c.var.crowdsec?.action ?? '')
})

const inConnect = connect().use(forHttp(bouncer))
const mayPass = forHttp(bouncer, { trustedProxies: ['loopback'] })
const server = createServer(async (req, res) => {
  if (!(await mayPass(req, res))) return
  exactly<typeof req.crowdsec, Verdict | undefined>(true)
  inExpress(req, res)
})
server.listen(process.env['PORT'])

/** Never called: what does not compile. */
export function mistakes(): void {
  // @ts-expect-error: an option that does not exist
  createBouncer({ apiKee: 'k' })
  createBouncer({ reportContext: ['path', 'query'] })
  // @ts-expect-error: no part of a request that can be told
  createBouncer({ reportContext: ['body'] })
  // @ts-expect-error: an option that cannot differ from route to route
  forExpress(bouncer, { apiKey: 'k' })
}

export { inConnect, inFastify, inHono, inKoa }
