/** From a verdict to the answer that a visitor gets, as plain data that every framework can send. */

import type { Verdict } from '../decisions/decision.js'
import { BAN_PAGE } from './ban-page.js'
import { chooseMediaType } from './media-type.js'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What becomes of a decision whose type cannot be carried out here. */
export type RemediationFallback = 'ban' | 'ignore'

const BAN_AS_HTML = forbidden('text/html; charset=utf-8', BAN_PAGE)
const BAN_AS_JSON = forbidden(
  'application/json; charset=utf-8',
  JSON.stringify({ error: { code: 'forbidden', message: 'Access denied' } }),
)

function forbidden(contentType: string, body: string): Answer {
  const headers = {
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body)),
    'content-type': contentType,
    vary: 'Accept',
  }
  return { status: 403, headers, body }
}

/** The answer to a request with this verdict, or null where the request may go on. */
export function answerFor(verdict: Verdict, fallback: RemediationFallback, accept: string | undefined): Answer | null {
  if (verdict.action === 'allow') return null
  if (verdict.action !== 'ban' && fallback === 'ignore') return null
  return chooseMediaType(accept, ['text/html', 'application/json']) === 'text/html' ? BAN_AS_HTML : BAN_AS_JSON
}
