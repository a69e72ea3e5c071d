/** Makes gates, each for one kind of request, and does for all of them what they ask for. */

import type { Announcer } from './announcer.js'
import type { Asking } from './asking.js'
import type { ResolvedOptions } from './config/parse-options.js'
import { type RouteOverrides, withOverrides } from './config/route-options.js'
import type { Verdict } from './decisions/decision.js'
import type { Subjects } from './decisions/judge.js'
import type { Severity } from './decisions/severity.js'
import { Gate, type Gatekeeper, type RequestReader } from './gate.js'
import type { RequestCounts } from './metrics/request-counts.js'
import { trustsAll } from './net/client-address.js'
import { GuardRails } from './remediation/guard-rails.js'
import type { Remediation } from './remediation/remediation-log.js'
import { Responder } from './remediation/responder.js'
import type { BlockedRequest } from './signals/hits/request-context.js'

export interface GatesParts {
  readonly options: ResolvedOptions
  readonly severity: Severity
  readonly asking: Asking
  readonly announcer: Announcer
  readonly requests: RequestCounts
  /** Whether somebody wants to hear what a blocked request was. */
  readonly isReporting: boolean
}

const ALL_TRUSTED =
  'trusted_proxies holds every address of a family, so the first address in the header is believed, which visitors can write themselves; name your proxies, or how many they are'

export class Gates implements Gatekeeper {
  readonly isReporting: boolean
  readonly #parts: GatesParts

  constructor(parts: GatesParts) {
    this.#parts = parts
    this.isReporting = parts.isReporting
  }

  /** Throws `ERR_CSB_CONFIG` for bad overrides. */
  open<Request>(reader: RequestReader<Request>, overrides: RouteOverrides): Gate<Request> {
    const { options, severity } = this.#parts
    const route = withOverrides(options, overrides)
    const { maxRemediation } = route
    if (trustsAll(route.trustedProxies)) this.warnOnce('CSB_TRUST_ALL_PROXIES', ALL_TRUSTED)
    const guardRails = new GuardRails({ ...options, maxRemediation }, severity)
    const { logger } = options
    const responder = new Responder(route, { guardRails, logger, onError: (error) => this.gateFailed(error) })
    if (responder.isFallbackForbidden && maxRemediation !== 'allow') {
      this.warnOnce('CSB_MAX_REMEDIATION', fallbackForbidden(maxRemediation))
    }
    return new Gate(this, reader, route, { guardRails, responder })
  }

  ask(address: string, subjects: Subjects | undefined, guardRails: GuardRails): Verdict | Promise<Verdict> {
    return this.#parts.asking.ask(address, subjects, guardRails)
  }

  remediated(remediation: Remediation, request: BlockedRequest | null): void {
    this.#parts.announcer.remediated(remediation, request)
  }

  gateFailed(error: unknown): void {
    this.#parts.announcer.gateFailed(error)
  }

  passedUnjudged(): void {
    this.#parts.requests.countFailure('internal')
  }

  warnOnce(code: string, message: string): void {
    this.#parts.announcer.warnOnce(code, message)
  }
}

function fallbackForbidden(limit: string | undefined): string {
  return `maxRemediation is ${limit}, which cannot be carried out here, and a ban in its place would be more: visitors with such a decision are let pass`
}
