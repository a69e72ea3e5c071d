/**
 * What every web framework's face does with a request, once for all of them: whose it is, whether it is judged at all, the
 * verdict, and the answer if it may not pass. Nothing is allocated for a request that may, and nothing is ever thrown.
 */

import type { RouteOptions } from './config/route-options.js'
import { ALLOWED, type Verdict } from './decisions/decision.js'
import type { Subjects } from './decisions/judge.js'
import { ClientAddress } from './net/client-address.js'
import type { Answer } from './remediation/answer.js'
import type { Responder } from './remediation/responder.js'

/** How a framework's request is read. One object a face, so that nothing is made for a request. */
export interface RequestReader<Request> {
  /** The visitor's address as the framework sees it, by its own trust in proxies; undefined if the socket is gone. */
  address(request: Request): string | undefined
  /** The address at the other end of the socket; undefined for a unix socket or one that is gone. */
  peer(request: Request): string | undefined
  /** A header by its lower-case name. */
  header(request: Request, name: string): string | readonly string[] | undefined
  method(request: Request): string
  /** The path, with or without a query. */
  path(request: Request): string
  /** The framework's own way to trust proxies, if it has one and it is off: named in a warning. */
  untrustedProxySetting(request: Request): string | null
}

/** What becomes of a request: the verdict on it, and the answer if it may not pass. */
export interface Passage {
  readonly verdict: Verdict
  readonly answer: Answer | null
}

/** What a gate needs of the bouncer. */
export interface Gatekeeper {
  ask(address: string, subjects?: Subjects): Verdict | Promise<Verdict>
  noteBlocked(address: string, verdict: Verdict, isDryRun: boolean): void
  noteGateError(error: unknown): void
  warnOnce(code: string, message: string): void
}

const FREE: Passage = Object.freeze({ verdict: ALLOWED, answer: null })

export class Gate<Request> {
  readonly #bouncer: Gatekeeper
  readonly #reader: RequestReader<Request>
  readonly #options: RouteOptions
  readonly #responder: Responder
  readonly #clientAddress: ClientAddress | null

  constructor(bouncer: Gatekeeper, reader: RequestReader<Request>, options: RouteOptions, responder: Responder) {
    this.#bouncer = bouncer
    this.#reader = reader
    this.#options = options
    this.#responder = responder
    const { trustedProxies, clientAddressHeader } = options
    this.#clientAddress =
      trustedProxies === undefined ? null : new ClientAddress({ trustedProxies, header: clientAddressHeader })
  }

  /** Judges a request: at once where the decisions are in memory, else with a promise that never rejects. */
  enter(request: Request): Passage | Promise<Passage> {
    try {
      if (this.#isExcluded(request)) return FREE
      const verdict = this.#bouncer.ask(this.#addressOf(request), this.#subjectsOf(request))
      if (!(verdict instanceof Promise)) return this.#passage(request, verdict)
      return verdict.then((one) => this.#passage(request, one)).catch((error) => this.#letPass(error))
    } catch (error) {
      return this.#letPass(error)
    }
  }

  #passage(request: Request, verdict: Verdict): Passage {
    if (verdict === ALLOWED) return FREE
    const answer = this.#responder.answer(verdict, this.#reader.header(request, 'accept'))
    if (answer === null) return { verdict, answer }
    this.#bouncer.noteBlocked(this.#addressOf(request), verdict, this.#options.dryRun)
    return { verdict, answer: this.#options.dryRun ? null : answer }
  }

  /** An error of ours, or of a function that the user gave, must not become the application's. */
  #letPass(error: unknown): Passage {
    this.#bouncer.noteGateError(error)
    return FREE
  }

  #addressOf(request: Request): string {
    const reader = this.#reader
    if (this.#clientAddress !== null) {
      return this.#clientAddress.resolve(reader.peer(request), reader.header(request, this.#clientAddress.header))
    }
    if (reader.header(request, 'x-forwarded-for') !== undefined) this.#warnAboutProxy(request)
    return reader.address(request) ?? ''
  }

  /** Behind a proxy that is not trusted, every visitor has the proxy's address and nobody is blocked. */
  #warnAboutProxy(request: Request): void {
    const setting = this.#reader.untrustedProxySetting(request)
    if (setting === null) return
    this.#bouncer.warnOnce(
      'CSB_TRUST_PROXY',
      `Requests carry X-Forwarded-For, but ${setting} is off and trustedProxies is not set, so the proxy's address is judged and not the visitor's`,
    )
  }

  #subjectsOf(request: Request): Subjects | undefined {
    const { identify } = this.#options
    return identify === undefined ? undefined : identify(request as never)
  }

  #isExcluded(request: Request): boolean {
    const { exclude, excludeMethods, excludePaths } = this.#options
    if (excludeMethods.length > 0 && excludeMethods.includes(this.#reader.method(request))) return true
    if (excludePaths.length > 0 && isBelow(this.#reader.path(request), excludePaths)) return true
    return exclude?.(request as never) === true
  }
}

function isBelow(path: string, excluded: readonly string[]): boolean {
  return excluded.some((one) => {
    if (!path.startsWith(one)) return false
    const next = path.charAt(one.length)
    return one.endsWith('/') || next === '' || next === '/' || next === '?'
  })
}
