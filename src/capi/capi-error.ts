/** A refusal by CAPI: what it answered, and how long to wait where it said so. */

import { BouncerError, type BouncerErrorCode } from '../errors.js'

/** Which of our codes a refusal by CAPI has. */
export type CapiErrorCode = Extract<BouncerErrorCode, `ERR_CSB_CAPI_${string}`>

export class CapiError extends BouncerError {
  declare readonly code: CapiErrorCode
  /** The HTTP status; null where there was no answer to have one, such as a pause that is still on. */
  readonly status: number | null
  /** Milliseconds that the server asked to wait (`Retry-After`). */
  readonly retryAfter: number | undefined

  constructor(
    code: CapiErrorCode,
    message: string,
    details: {
      readonly status?: number | undefined
      readonly retryAfter?: number | undefined
      readonly cause?: unknown
      readonly reason?: string
    } = {},
  ) {
    const { status = null, retryAfter, ...options } = details
    super(code, message, options)
    this.status = status
    this.retryAfter = retryAfter
  }
}
