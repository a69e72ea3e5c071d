/** The check service: a bouncer over HTTP, for reverse proxies and for applications in other languages. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type ListenAddress, urlOf } from '../config/kinds/listen-address.js'
import { BouncerError } from '../errors.js'
import { type Logger, silentLogger } from '../logger.js'
import { answerCheckMany } from './check-many.js'
import { answerCheckOne } from './check-one.js'
import type { CheckedBouncer } from './checked-bouncer.js'
import { gracefulClose } from './graceful-close.js'
import { sendFailure, sendRefusal, sendWrongMethod } from './json-answer.js'
import { managementRoutes } from './management-routes.js'
import { readBody } from './request-body.js'

export interface CheckServiceOptions {
  readonly bouncer: CheckedBouncer
  readonly listen: ListenAddress
  readonly logger?: Logger
}

/** Where it listens; `port` is the real one where 0 was asked for. */
export interface ServiceAddress extends ListenAddress {
  readonly url: string
}

export interface CheckService {
  /** Resolves when it listens. Rejects with `ERR_CSB_LISTEN`. */
  start(): Promise<ServiceAddress>
  /** Takes no more connections, lets requests under way finish, and cuts what is left after five seconds. */
  stop(): Promise<void>
}

const bodyLimit = 128 * 1024

const limits = {
  // A check is one small packet: whoever needs longer is holding the connection for its own sake.
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  // Longer than proxies keep idle connections upstream (nginx: 60 s), so that it is never us who close one being reused.
  keepAliveTimeout: 75_000,
}

export function createCheckService({ bouncer, listen, logger = silentLogger }: CheckServiceOptions): CheckService {
  const routes = managementRoutes(bouncer, logger)
  const server = createServer(limits, (request, response) => {
    const url = originForm(request.url ?? '/')
    try {
      if (isCheck(url)) answerCheck(request, url, response)
      else routes(request, response)
    } catch (error) {
      sendFailure(response, error, logger)
    }
  })

  function answerCheck(request: IncomingMessage, url: string, response: ServerResponse): void {
    if (request.method === 'GET' || request.method === 'HEAD') {
      const waiting = answerCheckOne(bouncer, url, response)
      if (waiting !== undefined) waiting.catch((error: unknown) => sendFailure(response, error, logger))
    } else if (request.method === 'POST') {
      answerPost(request, response).catch((error: unknown) => sendFailure(response, error, logger))
    } else sendWrongMethod(response, request.method, 'GET, HEAD, POST')
  }

  async function answerPost(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, bodyLimit)
    if (body.kind === 'aborted') return
    if (body.kind === 'text') return answerCheckMany(bouncer, body.text, response)
    if (body.kind === 'flood') response.setHeader('connection', 'close')
    const message = `expected a body of at most ${bodyLimit} bytes`
    sendRefusal(response, { status: 413, code: 'ERR_CSB_BAD_REQUEST', message })
  }

  const close = gracefulClose(server)
  let starting: Promise<void> = Promise.resolve()
  let state: 'new' | 'started' | 'stopped' = 'new'
  return {
    async start() {
      if (state !== 'new') throw new BouncerError('ERR_CSB_STATE', `the check service cannot start: it has ${state}`)
      state = 'started'
      starting = listening(server, listen)
      await starting
      server.on('error', (error) => logger.error(`check service: ${error.message}`))
      return serviceAddress(server, listen)
    },
    async stop() {
      state = 'stopped'
      await starting.catch(() => {}) // what does not listen yet cannot be closed, and would listen afterwards
      await close()
    },
  }
}

// A server has to take `GET http://host/path` too (RFC 9112, 3.2.2), though only proxies send it.
function originForm(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '')
}

const checkPath = '/check'

function isCheck(url: string): boolean {
  return url.startsWith(checkPath) && (url.length === checkPath.length || url[checkPath.length] === '?')
}

function listening(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      const message = `cannot listen on ${host}, port ${port} (${cause.code ?? cause.message})`
      reject(new BouncerError('ERR_CSB_LISTEN', message, { cause }))
    }
    server.once('error', failed)
    server.listen({ host, port }, () => {
      server.off('error', failed)
      resolve()
    })
  })
}

function serviceAddress(server: Server, { host, port }: ListenAddress): ServiceAddress {
  const bound = server.address()
  const address = { host, port: typeof bound === 'object' && bound !== null ? bound.port : port }
  return { ...address, url: urlOf(address) }
}
