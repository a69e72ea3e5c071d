/** How long a token of CAPI is good: the `exp` of a JWT (RFC 7519). Its signature is CAPI's business and is not looked at. */

import { parseJson } from '../../json/parse-json.js'

/** Milliseconds. A token that is good for longer shows that `exp` has another unit than seconds. */
const LONGEST_LIFE = 3660 * 24 * 60 * 60 * 1000

/** A time, or null where it is further ahead than any token lives. */
export function believableExpiry(expiry: number | null, now: number): number | null {
  return expiry !== null && expiry <= now + LONGEST_LIFE ? expiry : null
}

/** Unix milliseconds; null where the text is no JWT or says nothing that could be true. Never throws. */
export function tokenExpiry(token: string | null | undefined, now: number = Date.now()): number | null {
  const [, payload, , ...more] = typeof token === 'string' ? token.split('.') : []
  if (payload === undefined || more.length > 0) return null
  const claims = parseJson(Buffer.from(payload, 'base64url').toString())
  const exp: unknown = typeof claims === 'object' && claims !== null ? Reflect.get(claims, 'exp') : undefined
  return typeof exp === 'number' && Number.isFinite(exp) ? believableExpiry(exp * 1000, now) : null
}

/**
 * Whether a token still lives `latencyOffset` milliseconds after `now` (Unix milliseconds). False for one that does not say: then
 * only CAPI knows. The Python SDK (0.7.0) has the sign of the offset wrong and takes tokens that are over.
 */
export function isTokenValid(
  token: string | null | undefined,
  { now, latencyOffset }: { readonly now: number; readonly latencyOffset: number },
): boolean {
  const expiry = tokenExpiry(token, now)
  return expiry !== null && now + latencyOffset < expiry
}
