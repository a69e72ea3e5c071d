/** One request to a fake server on its way to an answer. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import type { Arrival } from './faults.js'
import type { MovableClock } from './movable-clock.js'

export interface Exchange<AnyFault> {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  readonly now: number
  readonly fault: AnyFault | null
}

/** Reads a request to its end. Rejects where it breaks off, or says gzip and is not. */
export async function readArrival(request: IncomingMessage, clock: MovableClock): Promise<Arrival> {
  const url = request.url ?? ''
  const [path = '', search = ''] = url.split(/\?(.*)/s)
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const raw = Buffer.concat(chunks)
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw
  return {
    method: request.method ?? '',
    url,
    path,
    query: new URLSearchParams(search),
    headers: request.headers,
    body: body.toString(),
    at: clock.tick(),
  }
}
