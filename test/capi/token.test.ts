/** Tokens: the Python SDK's cases with the offset the right way round, and everything that is no JWT. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTokenValid, tokenExpiry } from '../../src/capi/api/token.js'

const NOW = 1_700_000_000_000

function jwt(payload: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(payload)}.c2lnbmF0dXJl`
}

describe('isTokenValid', () => {
  it.each([
    [-3600, false],
    [-11, false],
    [-10, false],
    [-9, false], // the SDK takes this one: it is over
    [0, false], // and this
    [5, false], // and this, which will not last
    [9, false],
    [10, false],
    [11, true],
    [3600, true],
  ])('with an offset of 10 s a token that ends in %d s: %j', (seconds, valid) => {
    const token = jwt({ sub: 'x', exp: NOW / 1000 + seconds, 'cognito:username': 'x', push_interval_seconds: 10 })
    expect(isTokenValid(token, { now: NOW, latencyOffset: 10_000 })).toBe(valid)
  })

  it('counts fractions of a second', () => {
    const token = jwt({ exp: NOW / 1000 + 10.5 })
    expect(isTokenValid(token, { now: NOW + 499, latencyOffset: 10_000 })).toBe(true)
    expect(isTokenValid(token, { now: NOW + 500, latencyOffset: 10_000 })).toBe(false)
  })

  const exp = NOW / 1000 + 3600
  it.each([
    ['no exp', jwt({ sub: 'x' })],
    ['a text for exp', jwt({ exp: String(exp) })],
    ['null for exp', jwt({ exp: null })],
    ['a list for exp', jwt({ exp: [exp] })],
    ['an exp beyond numbers', `e30.${Buffer.from('{"exp":1e999}').toString('base64url')}.x`],
    ['an exp in milliseconds', jwt({ exp: exp * 1000 })],
    ['an exp in microseconds, which is no date', jwt({ exp: exp * 1e6 })],
    ['an exp of a hundred years', jwt({ exp: exp + 100 * 365 * 86_400 })],
    ['null for claims', jwt(null)],
    ['a number for claims', jwt(exp)],
    ['a list for claims', jwt([{ exp }])],
    ['no signature part', jwt({ exp }).split('.').slice(0, 1).join('.')],
    ['parts too many', `${jwt({ exp })}.more`],
    ['claims that are not base64', 'a.%%%%.c'],
    ['claims that are not JSON', `a.${Buffer.from('{"exp":').toString('base64url')}.c`],
    ['an opaque token', 'any'],
    ['dots', '..'],
    ['an empty text', ''],
    ['null', null],
    ['undefined', undefined],
  ])('is false, and throws nothing, for %s', (_, token) => {
    expect(tokenExpiry(token)).toBeNull()
    expect(isTokenValid(token, { now: NOW, latencyOffset: 0 })).toBe(false)
  })

  it('never throws, whatever the text', () => {
    const texts = fc.string().map((text) => `a.${text}.b`)
    fc.assert(fc.property(texts, (text) => void isTokenValid(text, { now: NOW, latencyOffset: 0 })))
    const claims = fc.json().map((json) => jwt(JSON.parse(json)))
    fc.assert(fc.property(claims, (token) => void isTokenValid(token, { now: NOW, latencyOffset: 0 })))
  })
})
