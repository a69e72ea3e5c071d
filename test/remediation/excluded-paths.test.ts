import { posix } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { ExcludedPaths } from '../../src/remediation/excluded-paths.js'

const excluded = new ExcludedPaths(['/health', '/static/', '/a/b'])

describe('not judged', () => {
  test.each([
    '/health',
    '/health/',
    '/health/deep/er',
    '/health?x=1',
    '/health/?next=/../admin',
    '/health?a//b=%2e%2e',
    '/static/app.js',
    '/static/app.v1..min.js',
    '/static/.well-known/x',
    '/static/%C3%A4.png',
    '/static/a%20b',
    '/a/b/c',
  ])('%s', (path) => {
    expect(excluded.has(path)).toBe(true)
  })
})

describe('judged', () => {
  test.each([
    ['/', 'another path'],
    ['/admin', 'another path'],
    ['/healthy', 'no boundary'],
    ['/health-admin', 'no boundary'],
    ['/health;x=1', 'no boundary'],
    ['/health#x', 'no boundary'],
    ['/health%2fx', 'no boundary'],
    ['/static', 'only what is below'],
    ['/a', 'above it'],
    ['/Health', 'another case'],
    ['/he%61lth', 'encoded for no reason'],
    ['//health', 'an empty segment'],
    ['http://host/health', 'a proxy’s form'],
    ['/admin?/health', 'only in the query'],
    ['/admin/../health', 'elsewhere, to who does not resolve it'],
    ['/health/../admin', 'a dot segment'],
    ['/health/..', 'a dot segment at the end'],
    ['/health/./x', 'a dot segment'],
    ['/health/.', 'a dot segment'],
    ['/health/..;/admin', 'a dot segment to a Java server'],
    ['/health/..;x=1', 'a dot segment to a Java server'],
    ['/health/%2e%2e/admin', 'an encoded dot segment'],
    ['/health/.%2E/admin', 'a half encoded dot segment'],
    ['/health/..%2fadmin', 'an encoded slash'],
    ['/health/..%5Cadmin', 'an encoded backslash'],
    ['/health/..\\admin', 'a backslash'],
    ['/health/%252e%252e/admin', 'encoded twice'],
    ['/health/%c0%ae%c0%ae/admin', 'overlong'],
    ['/health//admin', 'an empty segment'],
    ['/a/b//../../admin', 'several of them'],
  ])('%s: %s', (path) => {
    expect(excluded.has(path)).toBe(false)
  })
})

it('nothing is excluded where no path is', () => {
  expect(new ExcludedPaths([]).has('/')).toBe(false)
})

it('no spelling of a path leads out of what is excluded', () => {
  const piece = fc.constantFrom(
    '/',
    '..',
    '.',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '\\',
    ';',
    'x',
    'health',
    'static',
    'admin',
    '%25',
    '?',
    '#',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const path = `/health${pieces.join('')}`
      if (!excluded.has(path)) return
      for (const understood of understandings(path)) expect(understood).toMatch(/^\/health(\/|$)/)
    }),
    { numRuns: 5000 },
  )
})

/** What servers of several kinds take a request target for. */
function understandings(target: string): string[] {
  const path = target.replace(/\?.*/s, '')
  const once = decodeURIComponent(path.replace(/%(?![0-9a-f]{2})/gi, '%25'))
  const twice = decodeURIComponent(once.replace(/%(?![0-9a-f]{2})/gi, '%25'))
  return [path, once, twice].flatMap((one) => {
    const slashed = one.replaceAll('\\', '/')
    const withoutParameters = slashed.replace(/;[^/]*/g, '')
    return [one, slashed, withoutParameters].map((text) => posix.normalize(text))
  })
}
