/** Tokens as CAPI's user pool makes them: a JWT, which this fake knows again by its text; nobody checks the signature. */

import { createHash, randomBytes } from 'node:crypto'

/**
 * `no exp`: a token that does not say when it ends, and `expire` beside it does. `no expiry`: neither says.
 * `null`, `missing`: the answer to a login has 200 and no token.
 */
export type TokenShape = 'normal' | 'no exp' | 'no expiry' | 'null' | 'missing'

/** `issuedAt` and `expiresAt` in Unix milliseconds; claims hold whole seconds. */
export function makeToken(machineId: string, shape: TokenShape, issuedAt: number, expiresAt: number): string {
  const claims = {
    sub: createHash('sha256').update(machineId).digest('hex').slice(0, 32),
    'cognito:username': machineId,
    aud: 'fake-capi',
    iss: 'https://cognito-idp.example/fake-capi',
    token_use: 'id',
    jti: randomBytes(8).toString('hex'),
    iat: Math.floor(issuedAt / 1000),
    push_interval_seconds: 10,
    ...(shape === 'normal' ? { exp: Math.floor(expiresAt / 1000) } : {}),
  }
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded(claims)}.${randomBytes(32).toString('base64url')}`
}

/** The body of a successful login. */
export function loginBody(token: string, shape: TokenShape, expiresAt: number): object {
  const expire = shape === 'no expiry' ? {} : { expire: new Date(expiresAt).toISOString() }
  if (shape === 'missing') return { code: 200, ...expire }
  return { code: 200, ...expire, token: shape === 'null' ? null : token }
}
