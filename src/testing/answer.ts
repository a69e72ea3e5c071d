/** One answer of a fake server on the wire: the head as Go's net/http writes it, then the body piece by piece, to its end or not. */

import { once } from 'node:events'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'

export const jsonType = 'application/json; charset=utf-8'

/** `complete`: the client has been sent everything. `broken`: the connection ended before that. */
export type Outcome = 'complete' | 'broken'

/** Where a fault stops a body. */
export interface BodyStop {
  readonly afterBytes: number
  /** `cut` breaks the connection there; `stall` leaves it open and silent until the client gives up. */
  readonly how: 'cut' | 'stall'
}

/** How the length is told: `auto` as Go does (Content-Length up to 2048 bytes), `chunked` always. */
export type Framing = 'auto' | 'chunked'

const contentLengthLimit = 2048

/** Answers with a body that is at hand. An empty one gets `Content-Length: 0`. */
export function answerText(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body = '',
  headers: OutgoingHttpHeaders = {},
): void {
  plainConnection(request, response)
  // Go leaves the length out where a HEAD answer has no body to measure.
  const unmeasured = request.method === 'HEAD' && body === ''
  response.writeHead(status, unmeasured ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

/** Answers with a JSON message, the LAPI's form for every error. */
export function answerMessage(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  message: string,
): void {
  const body = JSON.stringify({ message })
  answerText(request, response, status, body, { 'Content-Type': jsonType })
}

/** A 200 without body or length, as gin answers HEAD where the handler wrote nothing. */
export function answerHead(request: IncomingMessage, response: ServerResponse): void {
  plainConnection(request, response)
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' })
  response.end()
}

/** Answers with `pieces`, waiting for each to leave before the next is made. */
export async function answerPieces(
  request: IncomingMessage,
  response: ServerResponse,
  pieces: Generator<string>,
  options: {
    /** Default 200. */
    readonly status?: number
    readonly type: string
    readonly headers?: OutgoingHttpHeaders
    readonly framing: Framing
    readonly stop?: BodyStop | undefined
  },
): Promise<Outcome> {
  const { status = 200, headers = {} } = options
  const first = pieces.next().value ?? ''
  const second = pieces.next()
  plainConnection(request, response)
  const short = second.done && Buffer.byteLength(first) <= contentLengthLimit
  if (options.framing === 'auto' && short && !options.stop) {
    const length = Buffer.byteLength(first)
    response.writeHead(status, { ...headers, 'Content-Type': options.type, 'Content-Length': length })
  } else {
    response.writeHead(status, { ...headers, 'Content-Type': options.type })
  }
  const whole = second.done ? [first] : joined(first, second.value, pieces)
  for (const bytes of upTo(whole, options.stop?.afterBytes ?? Number.POSITIVE_INFINITY)) {
    if ((await written(response, bytes)) === 'broken') return 'broken'
  }
  return ended(response, options.stop)
}

/** The end of a body, or what a fault makes of it. */
async function ended(response: ServerResponse, stop: BodyStop | undefined): Promise<Outcome> {
  if (!stop) return written(response, null)
  if (stop.how === 'stall') await once(response, 'close')
  else response.destroy()
  return 'broken'
}

/** Answers with `pieces` in gzip, chunked, as a server that packs while it sends. `stop` counts what is packed. */
export async function answerGzip(
  request: IncomingMessage,
  response: ServerResponse,
  pieces: Iterable<string>,
  options: {
    readonly status: number
    readonly type: string
    readonly headers: OutgoingHttpHeaders
    readonly stop?: BodyStop | undefined
  },
): Promise<Outcome> {
  plainConnection(request, response)
  response.writeHead(options.status, {
    ...options.headers,
    'Content-Type': options.type,
    'Content-Encoding': 'gzip',
    Vary: 'Accept-Encoding',
  })
  let left = options.stop?.afterBytes ?? Number.POSITIVE_INFINITY
  for await (const packed of Readable.from(pieces).pipe(createGzip())) {
    const bytes: Buffer = packed.subarray(0, left)
    left -= bytes.length
    if ((await written(response, bytes)) === 'broken') return 'broken'
    if (left <= 0) break
  }
  return ended(response, options.stop)
}

/** Go says nothing about the connection while it stays open; Node would add `Connection` and `Keep-Alive`. */
function plainConnection(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.connection?.toLowerCase() !== 'close') response.removeHeader('Connection')
}

/** Writes bytes, or the end for null, and waits until they left or the connection broke. */
function written(response: ServerResponse, bytes: Buffer | null): Promise<Outcome> {
  if (response.destroyed) return Promise.resolve('broken')
  return new Promise((resolve) => {
    const broken = () => resolve('broken')
    const done = () => {
      response.off('close', broken)
      resolve('complete')
    }
    response.once('close', broken)
    if (bytes) response.write(bytes, (error) => (error ? broken() : done()))
    else response.end(done)
  })
}

function* joined(first: string, second: string, rest: Iterable<string>): Generator<string> {
  yield first
  yield second
  yield* rest
}

function* upTo(pieces: Iterable<string>, limit: number): Generator<Buffer> {
  let left = limit
  for (const piece of pieces) {
    if (left <= 0) return
    const bytes = Buffer.from(piece)
    yield bytes.length > left ? bytes.subarray(0, left) : bytes
    left -= bytes.length
  }
}
