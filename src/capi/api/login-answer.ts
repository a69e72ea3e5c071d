/** The answer of `POST /v3/watchers/login`: the token, and until when it is good. */

import { z } from 'zod'
import { parseTime } from '../timestamp.js'
import type { LoginAnswer } from './capi-calls.js'
import { tokenExpiry } from './token.js'

const schema = z.object({
  // Anything else could not stand in a header.
  token: z.string().regex(/^[\x21-\x7e]+$/),
  expire: z.string().optional().catch(undefined),
})

/** Null where there is no token that could be used. */
export function readLogin(answer: unknown): LoginAnswer | null {
  const { data } = schema.safeParse(answer)
  if (data === undefined) return null
  return { token: data.token, expiresAt: tokenExpiry(data.token) ?? parseTime(data.expire ?? '') }
}
