/**
 * From a verdict to what is done about it and to the answer that a visitor gets, as plain data that every framework can send.
 * Nearly all is made beforehand: a flood of banned visitors is when it matters.
 */

import type { Verdict } from '../decisions/decision.js'
import type { Logger } from '../logger.js'
import { messageOf } from '../thrown.js'
import type { Answer } from './answer.js'
import { BAN_MEDIA_TYPES, type BanMediaType, banAnswers, document, redirect } from './ban-answers.js'
import type { GuardRails } from './guard-rails.js'
import { MediaTypeChoice } from './media-type.js'
import { readOwnAnswer } from './own-answer.js'
import { TemplateFile } from './template-file.js'
import { atOnce } from './user-function.js'

/** What becomes of a decision whose type cannot be carried out here. */
export type RemediationFallback = 'ban' | 'ignore'

/** What can be done about a visitor here. */
export type Remedy = 'allow' | 'ban'

export interface ResponderOptions {
  readonly remediationFallback: RemediationFallback
  readonly banReturnCode: number
  /** Takes the place of everything else, then comes `banRedirect`. */
  readonly banAnswer?: ((verdict: Verdict) => Answer) | undefined
  readonly banRedirect?: string | undefined
  /** Takes the place of our own page. */
  readonly banTemplatePath?: string | undefined
  /** Whether to tell in `Retry-After` when the decision ends. */
  readonly retryAfter: boolean
}

export interface ResponderParts {
  readonly guardRails: GuardRails
  readonly logger: Logger
  /** Is told what `banAnswer` threw. */
  readonly onError: (error: Error) => void
}

export class Responder {
  readonly #options: ResponderOptions
  readonly #onError: (error: Error) => void
  /** What cannot be carried out here should fall back to a ban, but so much may not be done. */
  readonly isFallbackForbidden: boolean
  readonly #fallback: Remedy
  readonly #redirect: Answer | null
  readonly #template: TemplateFile | null
  readonly #documents: Readonly<Record<BanMediaType, Answer>>
  readonly #mediaTypes = new MediaTypeChoice<BanMediaType>(BAN_MEDIA_TYPES)

  /** Throws `ERR_CSB_CONFIG` where the template cannot be read. */
  constructor(options: ResponderOptions, { guardRails, logger, onError }: ResponderParts) {
    const { remediationFallback, banRedirect, banTemplatePath, banReturnCode } = options
    this.#options = options
    this.#onError = onError
    this.isFallbackForbidden = remediationFallback === 'ban' && !guardRails.permits('ban')
    this.#fallback = remediationFallback === 'ignore' || this.isFallbackForbidden ? 'allow' : 'ban'
    this.#redirect = banRedirect === undefined ? null : redirect(banRedirect)
    this.#template = banTemplatePath === undefined ? null : new TemplateFile(banTemplatePath, logger)
    this.#documents = banAnswers(banReturnCode)
  }

  /** What is really done about a verdict: what is neither allowed nor banned cannot be carried out here, and falls back. */
  remedyFor(verdict: Verdict): Remedy {
    if (verdict.action === 'allow') return 'allow'
    return verdict.action === 'ban' ? 'ban' : this.#fallback
  }

  /** The answer to a visitor for whom `remedyFor` says `ban`. `address` may be any text. Never throws. */
  banAnswer(verdict: Verdict, address: string, accept: string | readonly string[] | undefined): Answer {
    const own = this.#ownAnswer(verdict)
    if (own !== null) return own
    const answer = this.#redirect ?? this.#document(verdict, address, accept)
    return this.#options.retryAfter ? withRetryAfter(answer, verdict) : answer
  }

  #ownAnswer(verdict: Verdict): Answer | null {
    const { banAnswer } = this.#options
    if (banAnswer === undefined) return null
    try {
      return readOwnAnswer(atOnce(banAnswer(verdict)))
    } catch (cause) {
      const message = messageOf(cause)
      this.#onError(new Error(`banAnswer failed, and the usual answer is given: ${message}`, { cause }))
      return null
    }
  }

  #document(verdict: Verdict, address: string, accept: string | readonly string[] | undefined): Answer {
    const type = this.#mediaTypes.choose(accept)
    if (type !== 'text/html' || this.#template === null) return this.#documents[type]
    const { banReturnCode: status } = this.#options
    const values = { status: String(status), action: verdict.action, address }
    return document(status, type, this.#template.template.render(values))
  }
}

/** Nothing is told where no decision says when it ends. */
function withRetryAfter(answer: Answer, { decision }: Verdict): Answer {
  if (decision === null) return answer
  const seconds = Math.max(1, Math.ceil((Date.parse(decision.until) - Date.now()) / 1000))
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(seconds) } }
}
