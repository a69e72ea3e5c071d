/**
 * What every web framework's face does with a request, once for all of them: whose it is, whether it is judged at all, the
 * verdict, and the answer if it may not pass. Nothing is allocated for a request that may, and nothing is ever thrown.
 */

import type { RouteOptions } from './config/route-options.js'
import { ALLOWED, type Verdict } from './decisions/decision.js'
import type { Subjects } from './decisions/judge.js'
import { ClientAddress } from './net/client-address.js'
import { stripPort } from './net/forwarded-address.js'
import type { Answer } from './remediation/answer.js'
import { ExcludedPaths } from './remediation/excluded-paths.js'
import type { GuardRails } from './remediation/guard-rails.js'
import type { Remediation } from './remediation/remediation-log.js'
import type { Responder } from './remediation/responder.js'
import { atOnce, readSubjects } from './remediation/user-function.js'
import { ReadRequest } from './signals/hits/blocked-request.js'
import type { BlockedRequest } from './signals/hits/request-context.js'
import { messageOf } from './thrown.js'

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
  /** The query without its question mark, where `path` does not have it. */
  query?(request: Request): string | undefined
  /** Whose `X-Forwarded-For` the framework believes, where `address` is its own finding. */
  proxyTrust(request: Request): ProxyTrust
  /** What to set for another trust, to be named in a warning. */
  readonly proxySettings: string
}

/** With `all`, the leftmost entry is believed, and the visitor can write it himself. */
export type ProxyTrust = 'none' | 'some' | 'all'

/** What becomes of a request: the verdict on it, and the answer if it may not pass. */
export interface Passage {
  readonly verdict: Verdict
  readonly answer: Answer | null
}

/** What a gate needs of the bouncer. */
export interface Gatekeeper {
  ask(address: string, subjects: Subjects | undefined, guardRails: GuardRails): Verdict | Promise<Verdict>
  /** Whether `remediated` has a use for the request. */
  readonly isReporting: boolean
  remediated(remediation: Remediation, request: BlockedRequest | null): void
  gateFailed(error: unknown): void
  /** Something of ours failed, so that a request was let pass without a verdict. */
  passedUnjudged(): void
  warnOnce(code: string, message: string): void
}

/** What a route decides by, made of its options. */
export interface GateParts {
  readonly guardRails: GuardRails
  readonly responder: Responder
}

const FREE: Passage = Object.freeze({ verdict: ALLOWED, answer: null })

export class Gate<Request> {
  readonly #bouncer: Gatekeeper
  readonly #reader: RequestReader<Request>
  readonly #options: RouteOptions
  readonly #parts: GateParts
  readonly #excludedPaths: ExcludedPaths
  readonly #clientAddress: ClientAddress | null

  constructor(bouncer: Gatekeeper, reader: RequestReader<Request>, options: RouteOptions, parts: GateParts) {
    this.#bouncer = bouncer
    this.#reader = reader
    this.#options = options
    this.#parts = parts
    this.#excludedPaths = new ExcludedPaths(options.excludePaths)
    const { trustedProxies, clientAddressHeader } = options
    this.#clientAddress =
      trustedProxies === undefined ? null : new ClientAddress({ trustedProxies, header: clientAddressHeader })
  }

  /** Judges a request: at once where the decisions are in memory, else with a promise that never rejects. */
  enter(request: Request): Passage | Promise<Passage> {
    try {
      if (this.#isExcluded(request)) return FREE
      const address = this.#addressOf(request)
      const verdict = this.#bouncer.ask(address, this.#subjectsOf(request), this.#parts.guardRails)
      if (!(verdict instanceof Promise)) return this.#passage(request, address, verdict)
      return verdict.then((one) => this.#passage(request, address, one)).catch((error) => this.#letPass(error))
    } catch (error) {
      return this.#letPass(error)
    }
  }

  #passage(request: Request, address: string, verdict: Verdict): Passage {
    if (verdict === ALLOWED) return FREE
    const { responder } = this.#parts
    const action = responder.remedyFor(verdict)
    if (action === 'allow') return { verdict, answer: null }
    const { dryRun: isDryRun } = this.#options
    if (isDryRun) {
      this.#bouncer.remediated({ address, verdict, action, isDryRun }, null)
      return { verdict, answer: null }
    }
    const answer = responder.banAnswer(verdict, address, this.#reader.header(request, 'accept'))
    const seen = this.#bouncer.isReporting ? new ReadRequest(this.#reader, request, answer.status) : null
    this.#bouncer.remediated({ address, verdict, action, isDryRun }, seen)
    return { verdict, answer }
  }

  /** An error of ours must not become the application's. */
  #letPass(error: unknown): Passage {
    this.#bouncer.gateFailed(error)
    this.#bouncer.passedUnjudged()
    return FREE
  }

  #addressOf(request: Request): string {
    const reader = this.#reader
    if (this.#clientAddress !== null) {
      return this.#clientAddress.resolve(reader.peer(request), reader.header(request, this.#clientAddress.header))
    }
    const address = reader.address(request) ?? ''
    const forwarded = reader.header(request, 'x-forwarded-for')
    if (forwarded === undefined) return address
    this.#warnAboutProxies(reader.proxyTrust(request), String(forwarded))
    return stripPort(address) // Azure's gateways write the port too, and frameworks hand on what stands there
  }

  /** Behind a proxy that is not trusted, nobody is blocked; with trust in all, whoever does not wish to be is not. */
  #warnAboutProxies(trust: ProxyTrust, forwarded: string): void {
    const { proxySettings } = this.#reader
    if (trust === 'none') {
      this.#bouncer.warnOnce(
        'CSB_TRUST_PROXY',
        `Requests carry X-Forwarded-For, but no proxy is trusted, so the proxy's address is judged and not the visitor's; set ${proxySettings}`,
      )
    } else if (trust === 'all' && forwarded.includes(',')) {
      this.#bouncer.warnOnce(
        'CSB_TRUST_ALL_PROXIES',
        `The first address in X-Forwarded-For is believed, which visitors can write themselves; name your proxies, or how many they are, in ${proxySettings}`,
      )
    }
  }

  #subjectsOf(request: Request): Subjects | undefined {
    const { identify } = this.#options
    if (identify === undefined) return undefined
    try {
      return readSubjects(atOnce(identify(request as never)), this.#onGarbage)
    } catch (error) {
      this.#userFunctionFailed('identify', error) // the address is still judged: a visitor could let this fail on purpose
      return undefined
    }
  }

  readonly #onGarbage = (what: string): void => {
    this.#bouncer.warnOnce(
      'CSB_IDENTIFY',
      `identify returned ${what}, which matches no decision; return texts by scope`,
    )
  }

  #userFunctionFailed(name: string, cause: unknown): void {
    const message = messageOf(cause)
    this.#bouncer.gateFailed(new Error(`${name} failed, and the request is judged without it: ${message}`, { cause }))
  }

  #isExcluded(request: Request): boolean {
    const { exclude, excludeMethods, excludePaths } = this.#options
    if (excludeMethods.length > 0 && excludeMethods.includes(this.#reader.method(request))) return true
    if (excludePaths.length > 0 && this.#excludedPaths.has(this.#reader.path(request))) return true
    if (exclude === undefined) return false
    try {
      return atOnce(exclude(request as never)) === true
    } catch (error) {
      this.#userFunctionFailed('exclude', error)
      return false
    }
  }
}
