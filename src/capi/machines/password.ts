/** A machine's password: what CAPI knows it by for as long as it lives. */

import { randomBytes } from 'node:crypto'

/** 43 characters of `[A-Za-z0-9_-]` from 256 random bits, as the Python SDK's. */
export function generatePassword(): string {
  return randomBytes(32).toString('base64url')
}
