/** A machine's password: what CAPI knows it by for as long as it lives. */

import { randomBytes } from 'node:crypto'
import { BouncerError } from '../../errors.js'

/** 43 characters of `[A-Za-z0-9_-]` from 256 random bits, as the Python SDK's. */
export function generatePassword(): string {
  return randomBytes(32).toString('base64url')
}

/** The password itself; throws `ERR_CSB_CONFIG` for what no caller with types would give. Nothing of it is shown. */
export function requirePassword(given: unknown): string {
  if (typeof given === 'string' && given !== '') return given
  const what = given === '' ? 'an empty text' : given === null ? 'null' : `a value of type ${typeof given}`
  throw new BouncerError('ERR_CSB_CONFIG', `machine password: expected a text, got ${what}`)
}
