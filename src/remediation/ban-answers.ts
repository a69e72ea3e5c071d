/** The answers to a banned visitor that need not be made anew for each: one for every media type, all of them without a reason. */

import { STATUS_CODES } from 'node:http'
import type { Answer } from './answer.js'
import { BAN_PAGE } from './ban-page.js'

/** What can be given, the usual first. */
export const BAN_MEDIA_TYPES = ['text/html', 'application/json', 'application/problem+json', 'text/plain'] as const

export type BanMediaType = (typeof BAN_MEDIA_TYPES)[number]

const MESSAGE = 'Access denied'

export function banAnswers(status: number): Readonly<Record<BanMediaType, Answer>> {
  const bodies: Readonly<Record<BanMediaType, string>> = {
    'text/html': BAN_PAGE,
    'application/json': JSON.stringify({ error: { code: 'forbidden', message: MESSAGE } }),
    // RFC 9457: of `about:blank` the title is the status in words.
    'application/problem+json': JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status] ?? MESSAGE,
      status,
      detail: MESSAGE,
    }),
    'text/plain': `${MESSAGE}\n`,
  }
  const entries = BAN_MEDIA_TYPES.map((type) => [type, document(status, type, bodies[type])] as const)
  return Object.fromEntries(entries) as Record<BanMediaType, Answer>
}

/** An answer that depends on `Accept` and that nobody keeps: the next visitor may not be banned. */
export function document(status: number, type: BanMediaType, body: string): Answer {
  const headers = {
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body)),
    'content-type': `${type}${CHARSETS[type]}`,
    vary: 'Accept',
  }
  return { status, headers, body }
}

/** 303, because the page behind `location` is to be got with GET, whatever the method was here. */
export function redirect(location: string): Answer {
  return { status: 303, headers: { 'cache-control': 'no-store', 'content-length': '0', location }, body: '' }
}

const CHARSETS: Readonly<Record<BanMediaType, string>> = {
  'text/html': '; charset=utf-8',
  'application/json': '; charset=utf-8',
  'application/problem+json': '',
  'text/plain': '; charset=utf-8',
}
