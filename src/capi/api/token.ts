/** How long a token of CAPI is good: the `exp` of a JWT (RFC 7519). Its signature is CAPI's business and is not looked at. */

import { parseJson } from '../../json/parse-json.js'

/** Unix milliseconds; null where the text is no JWT or does not say. Never throws. */
export function tokenExpiry(token: string | null | undefined): number | null {
  const [, payload, , ...more] = typeof token === 'string' ? token.split('.') : []
  if (payload === undefined || more.length > 0) return null
  const claims = parseJson(Buffer.from(payload, 'base64url').toString())
  const exp: unknown = typeof claims === 'object' && claims !== null ? Reflect.get(claims, 'exp') : undefined
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : null
}

/**
 * Whether a token still lives `latencyOffset` milliseconds after `now` (Unix milliseconds). False for one that does not say: then
 * only CAPI knows. The Python SDK (0.7.0) has the sign of the offset wrong and takes tokens that are over.
 */
export function isTokenValid(
  token: string | null | undefined,
  { now, latencyOffset }: { readonly now: number; readonly latencyOffset: number },
): boolean {
  const expiry = tokenExpiry(token)
  return expiry !== null && now + latencyOffset < expiry
}
