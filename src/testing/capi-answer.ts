/** What a FakeCapi answers, and how it leaves: whole, late, in part or not at all. */

import type { OutgoingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { answerGzip, answerPieces, answerText } from './answer.js'
import type { Exchange } from './exchange.js'
import { bodyStop } from './fault-answer.js'
import type { CapiFault } from './faults.js'

export type CapiExchange = Exchange<CapiFault>

/** Which answers are packed: none, those to a client that takes gzip, or all that have a body, whoever asks. */
export type GzipRule = 'never' | 'when asked' | 'always'

export interface CapiAnswer {
  readonly status: number
  readonly type: string
  readonly headers?: OutgoingHttpHeaders
  /** Pieces are made while they leave, so that a body of any size costs little memory. */
  readonly body: string | Generator<string>
}

export function json(status: number, body: object): CapiAnswer {
  return { status, type: 'application/json', body: JSON.stringify(body) }
}

/** CAPI's form for every success without content and for every error; `errors` is one text. */
export function message(status: number, text: string, errors?: string): CapiAnswer {
  return json(status, errors === undefined ? { message: text } : { message: text, errors })
}

/** Sends an answer whose request has been processed, with what the fault makes of it. */
export async function send(
  exchange: CapiExchange,
  answer: CapiAnswer,
  { gzip, stopping }: { readonly gzip: GzipRule; readonly stopping: AbortSignal },
): Promise<void> {
  const { request, response, fault } = exchange
  if (fault?.kind === 'lost') {
    request.socket.resetAndDestroy()
    return
  }
  if (fault?.kind === 'slow') await delay(fault.ms, undefined, { signal: stopping })
  const { status, type, headers = {}, body } = answer
  const stop = bodyStop(fault)
  if (body !== '' && (gzip === 'always' || (gzip === 'when asked' && takesGzip(exchange)))) {
    await answerGzip(request, response, typeof body === 'string' ? only(body) : body, { status, type, headers, stop })
    return
  }
  if (typeof body === 'string' && !stop) {
    answerText(request, response, status, body, { 'Content-Type': type, ...headers })
    return
  }
  const pieces = typeof body === 'string' ? only(body) : body
  await answerPieces(request, response, pieces, { status, type, headers, framing: 'auto', stop })
}

function takesGzip({ request }: CapiExchange): boolean {
  return /(?:^|[ ,])gzip(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(String(request.headers['accept-encoding'] ?? ''))
}

function* only(text: string): Generator<string> {
  yield text
}
