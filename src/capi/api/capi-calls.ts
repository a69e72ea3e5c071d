/** What the calls of CAPI are given and what they answer, in the names of our code where it is not the wire's own. */

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
  /** Default false. The engine says so with its first pull after a start. */
  readonly startup?: boolean
}
