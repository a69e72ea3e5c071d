/** Every failure of this package that a person may have to act on: a stable code, then what was expected and what came. */

/** The stable codes; `docs/errors.md` tells cause and cure of each. */
export const bouncerErrorCodes = [
  'ERR_CSB_CONFIG', // an option is unknown, malformed or contradicts another
  'ERR_CSB_CONFIG_FILE', // the configuration file cannot be read or parsed
  'ERR_CSB_DECISIONS_FILE', // the decisions file cannot be read
  'ERR_CSB_BAD_ADDRESS', // an address was asked for that is not one
  'ERR_CSB_BAD_REQUEST', // the check service got a request that it cannot understand
  'ERR_CSB_LISTEN', // the check service cannot listen where it was told to
  'ERR_CSB_INTERNAL', // the check service or a command failed where it should not have
  'ERR_CSB_LAPI_AUTH', // the LAPI refuses the api_key
  'ERR_CSB_LAPI_STATUS', // the LAPI answered with a status other than 200
  'ERR_CSB_LAPI_BODY', // the LAPI's body is not a decision stream
  'ERR_CSB_CONNECT', // nothing answers at the URL
  'ERR_CSB_CONNECTION_LOST', // the connection broke in mid-answer
  'ERR_CSB_TLS', // a certificate cannot be used, or one side does not trust the other's
  'ERR_CSB_TIMEOUT', // the peer was slower than the deadline
  'ERR_CSB_STATE', // start() after stop(), and the like
  'ERR_CSB_LIMIT', // more decisions than the store can hold
  'ERR_CSB_SNAPSHOT', // a snapshot cannot be read or written
  'ERR_CSB_GEOIP', // a country or AS database cannot be used
  'ERR_CSB_CAPI_AUTH', // CAPI refuses the machine's credentials or token
  'ERR_CSB_CAPI_STATUS', // CAPI answered with a status that means failure
  'ERR_CSB_CAPI_BODY', // CAPI's answer is not what was asked for
  'ERR_CSB_CAPI_REGISTERED', // CAPI knows the machine id with another password
  'ERR_CSB_CAPI_BLOCKED', // a machine, or all of them, must not ask CAPI now
  'ERR_CSB_CAPI_BUDGET', // too many logins; the next one is free later
  'ERR_CSB_CAPI_ENROLL', // CAPI refuses the attachment key
  'ERR_CSB_CAPI_LINK', // a linked blocklist or allowlist cannot be had
  'ERR_CSB_SIGNAL', // a signal is not one that CAPI would take
  'ERR_CSB_STORAGE', // the storage of machines and signals cannot be used
  'ERR_CSB_SOURCE', // a source failed with an error of its own
] as const

export type BouncerErrorCode = (typeof bouncerErrorCodes)[number]

/** An error of this package. `code` never changes between releases; `message` may. Neither ever holds a secret. */
export class BouncerError extends Error {
  override readonly name = 'BouncerError'
  readonly code: BouncerErrorCode
  readonly #reason: string

  constructor(
    code: BouncerErrorCode,
    message: string,
    { reason = message, ...options }: { readonly cause?: unknown; readonly reason?: string } = {},
  ) {
    super(message, options)
    this.code = code
    this.#reason = reason
  }

  /** The message without what changes from one try to the next, such as a time: a repetition is known by it. */
  get reason(): string {
    return this.#reason
  }
}
