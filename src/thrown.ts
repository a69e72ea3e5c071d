/** What was thrown, which may be anything: as text, as an error, as a code. */

import { BouncerError, type BouncerErrorCode } from './errors.js'

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** What a repetition of the same failure is known by. */
export function reasonOf(error: Error): string {
  return error instanceof BouncerError ? error.reason : error.message
}

/** The error itself; `code` is for what is none. */
export function errorOf(thrown: unknown, code: BouncerErrorCode): Error {
  return thrown instanceof Error ? thrown : new BouncerError(code, String(thrown), { cause: thrown })
}

/** One of our codes: its own, or the one for what should not have been thrown. */
export function codeOf(thrown: unknown): BouncerErrorCode {
  return thrown instanceof BouncerError ? thrown.code : 'ERR_CSB_INTERNAL'
}

/** Whether the system refused, which may pass by itself: no descriptor was left, say. What was read and is no good stays so. */
export function isSystemError(thrown: unknown): boolean {
  return thrown instanceof Error && 'syscall' in thrown
}

/** `ENOENT` and the like; null where there is none. */
export function systemCodeOf(thrown: unknown): string | null {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null
}
