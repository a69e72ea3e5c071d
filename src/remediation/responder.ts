/** From a verdict to the answer that a visitor gets, as plain data that every framework can send. */

import type { Verdict } from '../decisions/decision.js'
import type { Answer } from './answer.js'
import { BAN_PAGE } from './ban-page.js'
import { chooseMediaType } from './media-type.js'

/** What becomes of a decision whose type cannot be carried out here. */
export type RemediationFallback = 'ban' | 'ignore'

export interface ResponderOptions {
  readonly remediationFallback: RemediationFallback
  readonly banReturnCode: number
  /** Takes the place of everything else. */
  readonly banAnswer?: ((verdict: Verdict) => Answer) | undefined
}

export class Responder {
  readonly #options: ResponderOptions
  readonly #html: Answer
  readonly #json: Answer

  constructor(options: ResponderOptions) {
    this.#options = options
    const message = { error: { code: 'forbidden', message: 'Access denied' } }
    this.#html = this.#ban('text/html; charset=utf-8', BAN_PAGE)
    this.#json = this.#ban('application/json; charset=utf-8', JSON.stringify(message))
  }

  /** The answer to a request with this verdict, or null where the request may go on. */
  answer(verdict: Verdict, accept: string | readonly string[] | undefined): Answer | null {
    const { remediationFallback, banAnswer } = this.#options
    if (verdict.action === 'allow') return null
    if (verdict.action !== 'ban' && remediationFallback === 'ignore') return null
    if (banAnswer !== undefined) return banAnswer(verdict)
    const wanted = typeof accept === 'string' || accept === undefined ? accept : accept.join(',')
    return chooseMediaType(wanted, ['text/html', 'application/json']) === 'text/html' ? this.#html : this.#json
  }

  #ban(contentType: string, body: string): Answer {
    const headers = {
      'cache-control': 'no-store',
      'content-length': String(Buffer.byteLength(body)),
      'content-type': contentType,
      vary: 'Accept',
    }
    return { status: this.#options.banReturnCode, headers, body }
  }
}
