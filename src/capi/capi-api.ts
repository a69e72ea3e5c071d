/** CrowdSec's Central API (CAPI), one method for each call of version 3: what is sent, what comes back, and what refuses. */

import type { BlocklistLink, CapiDecisions } from './capi-decisions.js'
import type { Signal } from './signal.js'

export type { BlocklistLink }

/** Milliseconds for one exchange, and what gives it up early. */
export interface CapiCall {
  readonly deadline: number
  readonly signal: AbortSignal
}

export interface LoginRequest extends CapiCall {
  readonly machineId: string
  readonly password: string
  /** Those that this machine reports; they decide what the community list holds. None: the field is left out. */
  readonly scenarios: readonly string[]
}

export interface LoginAnswer {
  readonly token: string
  /** Unix milliseconds: `exp` of the token, else the answer's `expire`; null where neither says. */
  readonly expiresAt: number | null
}

export interface EnrollRequest extends CapiCall {
  /** From the console. A secret. */
  readonly attachmentKey: string
  readonly name: string
  readonly tags: readonly string[]
  /** Enrolls a machine that is enrolled already. */
  readonly overwrite: boolean
}

/** `accepted`: somebody has to confirm it in the console. */
export type EnrollAnswer = 'accepted' | 'already enrolled'

/** `POST /v3/metrics`: who takes decisions from this machine, and who reports to it. Times are ISO 8601, UTC. */
export interface CapiMetrics {
  readonly bouncers: readonly {
    readonly custom_name: string
    readonly name: string
    readonly version: string
    readonly last_pull: string
  }[]
  readonly machines: readonly {
    readonly name: string
    readonly version: string
    readonly last_update: string
    readonly last_push: string
  }[]
}

export interface DecisionsRequest extends CapiCall {
  /** Default true: the community's list. */
  readonly communityPull?: boolean
  /** Default true: what the console adds to it, blocklists and allowlists. */
  readonly additionalPull?: boolean
}

/**
 * Every method throws `CapiError`: `ERR_CSB_CAPI_AUTH` (401, 403), `ERR_CSB_CAPI_STATUS`, `ERR_CSB_CAPI_BODY`; and what
 * `HttpClient` throws where there is no answer. None tries twice: that is for `Machines` to say.
 */
export interface CapiApi {
  /** The base URL, fit for messages. */
  readonly target: string
  /** Throws `ERR_CSB_CAPI_REGISTERED` where the id is taken (500 "User already registered"), perhaps by an earlier try of ours. */
  register(request: Omit<LoginRequest, 'scenarios'>): Promise<void>
  /** Throws `ERR_CSB_CAPI_BODY` where the answer has no token. */
  login(request: LoginRequest): Promise<LoginAnswer>
  /** Throws `ERR_CSB_CAPI_ENROLL` where the attachment key is refused (403 or 400 that speaks of it). */
  enroll(token: string, request: EnrollRequest): Promise<EnrollAnswer>
  /** Sends one batch, as a JSON array. */
  pushSignals(token: string, signals: readonly Signal[], call: CapiCall): Promise<void>
  pushMetrics(token: string, metrics: CapiMetrics, call: CapiCall): Promise<void>
  decisions(token: string, request: DecisionsRequest): Promise<CapiDecisions>
  close(): Promise<void>
}
