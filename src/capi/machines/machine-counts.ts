/** What the machines of one process have done, for metrics. All figures only rise. */

/**
 * What came of a login. `refused`: CAPI answered 400, 401 or 403. `failed`: there was no answer, or one that says nothing of the
 * machine. `over budget`: it did not go out.
 */
export type LoginResult = 'ok' | 'refused' | 'failed' | 'over budget'

export interface MachineCounts {
  readonly logins: Readonly<Record<LoginResult, number>>
  /** Logins for a token that was refused before its time. Among `logins`. */
  readonly relogins: number
  /** Machine ids that CAPI has accepted as new. */
  readonly registrations: number
  /** Answers of 403 to anything but an enrollment, each of which says that CAPI wants none of this machine or address. */
  readonly forbidden: number
}

/** The same, to count in. */
export class MachineTally implements MachineCounts {
  readonly logins: Record<LoginResult, number> = { ok: 0, refused: 0, failed: 0, 'over budget': 0 }
  relogins = 0
  registrations = 0
  forbidden = 0
}
