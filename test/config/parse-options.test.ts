/** Options in code: every kind of value, every mistake, and what is said about it. */

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parseOptions } from '../../src/config/parse-options.js'
import { BouncerError } from '../../src/errors.js'
import { silentLogger } from '../../src/logger.js'
import { DEFAULT_LIMITS } from '../../src/signals/storage/outbox-limits.js'
import { temporaryDirectory } from '../temporary-directory.js'

const key = { apiKey: 'k' }

function problemWith(options: unknown): string {
  try {
    parseOptions(options)
  } catch (error) {
    if (!(error instanceof BouncerError)) throw error
    return `${error.code}: ${error.message}`
  }
  return 'accepted'
}

test('defaults', () => {
  const { apiKey, logger, capiStorage, ...rest } = parseOptions(key)
  expect(apiKey?.reveal()).toBe('k')
  expect(capiStorage.reveal()).toBe(`sqlite:${resolve('crowdsec-bouncer.db')}`)
  expect(logger).toBe(silentLogger)
  expect(rest).toEqual({
    apiUrl: 'http://127.0.0.1:8080',
    streamUpdateFrequency: 10_000,
    resyncInterval: 4 * 3_600_000,
    fullPullTimeout: 300_000,
    deltaPullTimeout: 30_000,
    startTimeout: 10_000,
    origins: [],
    scopes: ['ip', 'range'],
    scenariosContaining: [],
    scenariosNotContaining: [],
    decisionsFile: null,
    invalidAddressAction: 'allow',
    remediationFallback: 'ban',
    severityOrder: ['ban', 'captcha', 'throttle'],
    sources: [],
    hasLogger: false,
    notices: [],
    snapshotInterval: 300_000,
    mode: 'stream',
    lapiTimeout: 200,
    lapiFailureAction: 'passthrough',
    cacheExpiration: 1_000,
    cacheSize: 50_000,
    lapis: [],
    insecureSkipVerify: false,
    usageMetricsInterval: 1_800_000,
    clientAddressHeader: 'x-forwarded-for',
    allowlist: [],
    excludePaths: [],
    excludeMethods: [],
    dryRun: false,
    scenarioActions: {},
    originActions: {},
    notReadyAction: 'passthrough',
    waitForSync: false,
    stalenessAction: 'passthrough',
    banReturnCode: 403,
    retryAfter: false,
    capiUrl: 'https://api.crowdsec.net/v3',
    capiScenarios: [],
    capiPull: false,
    capiPullInterval: 7_200_000,
    capiCommunityPull: true,
    capiAdditionalPull: true,
    capiAllowPrivateLinks: false,
    capiLoginBudget: 18,
    report: false,
    reportOrigins: [],
    reportContext: ['method', 'path', 'user_agent', 'status'],
    reportWindow: 60_000,
    reportInterval: 600_000,
    reportMaxSignals: DEFAULT_LIMITS.maxSignals,
    reportMaxAge: DEFAULT_LIMITS.maxAge,
  })
})

const source = { name: 'mine', start() {}, stop() {} }

describe('takes', () => {
  test.each([
    [{ apiUrl: 'http://lapi:8080/' }, { apiUrl: 'http://lapi:8080' }],
    [{ apiUrl: 'https://example.org/crowdsec/' }, { apiUrl: 'https://example.org/crowdsec' }],
    [{ apiUrl: 'https://example.org/a/b' }, { apiUrl: 'https://example.org/a/b' }],
    [{ apiUrl: 'http://[::1]:8080' }, { apiUrl: 'http://[::1]:8080' }],
    [{ apiUrl: undefined }, { apiUrl: 'http://127.0.0.1:8080' }],
    [{ streamUpdateFrequency: '1m' }, { streamUpdateFrequency: 60_000 }],
    [{ streamUpdateFrequency: 100 }, { streamUpdateFrequency: 100 }],
    [{ resyncInterval: '1d' }, { resyncInterval: 86_400_000 }],
    [{ resyncInterval: '1h30m' }, { resyncInterval: 5_400_000 }],
    [{ origins: 'cscli, lists,' }, { origins: ['cscli', 'lists'] }],
    [{ origins: ['cscli', ' CAPI '] }, { origins: ['cscli', 'CAPI'] }],
    [{ origins: '' }, { origins: [] }],
    [{ scopes: ['ip'] as const }, { scopes: ['ip'] }],
    [{ severityOrder: 'captcha,ban' }, { severityOrder: ['captcha', 'ban'] }],
    [{ invalidAddressAction: 'ban' }, { invalidAddressAction: 'ban' }],
    [{ remediationFallback: 'ignore' }, { remediationFallback: 'ignore' }],
    [{ logger: console }, { hasLogger: true }],
  ])('%j', (options, expected) => {
    expect(parseOptions({ ...key, ...options })).toMatchObject(expected)
  })

  test('a file of decisions alone, and makes its path absolute', () => {
    expect(parseOptions({ decisionsFile: 'list.txt' })).toMatchObject({
      apiKey: null,
      decisionsFile: resolve('list.txt'),
    })
  })

  test('sources alone, and leaves them as they are', () => {
    const { sources } = parseOptions({ sources: [source] })
    expect(sources[0]).toBe(source)
    expect(Object.isFrozen(source)).toBe(false)
  })

  test('what it gave before', () => {
    const { apiKey, streamUpdateFrequency, origins } = parseOptions({ ...key, origins: 'a,b' })
    const again = parseOptions({ apiKey: apiKey ?? undefined, streamUpdateFrequency, origins })
    expect(again.apiKey?.reveal()).toBe('k')
    expect(again).toMatchObject({ streamUpdateFrequency: 10_000, origins: ['a', 'b'] })
  })
})

describe('refuses', () => {
  test.each([
    [
      { apiUrl: '127.0.0.1:8080' },
      'apiUrl: expected an http or https URL such as http://127.0.0.1:8080, with or without a path, or unix:/path, got "127.0.0.1:8080"',
    ],
    [{ apiUrl: 'ftp://x' }, /^apiUrl: .* got "ftp:\/\/x"$/],
    [{ apiUrl: 'localhost:8080' }, /^apiUrl: .* got "localhost:8080"$/],
    [{ apiUrl: 'http://x/?a=b' }, /^apiUrl: .*query or fragment/],
    [{ apiUrl: 8080 }, /^apiUrl: .* got 8080$/],
    [{ apiUrl: null }, /^apiUrl: .* got null$/],
    [
      { streamUpdateFrequency: '10' },
      /^streamUpdateFrequency: expected a duration of 100ms to 24d .* got "10" \(the unit is missing\)$/,
    ],
    [{ streamUpdateFrequency: 10 }, /got 10 \(too short; a number counts milliseconds\)$/],
    [{ streamUpdateFrequency: '99ms' }, /got "99ms" \(too short\)$/],
    [{ streamUpdateFrequency: Number.NaN }, /^streamUpdateFrequency: .*got NaN/],
    [{ streamUpdateFrequency: Number.POSITIVE_INFINITY }, /^streamUpdateFrequency: .*got Infinity/],
    [{ streamUpdateFrequency: '10 s' }, /got "10 s"$/],
    [{ streamUpdateFrequency: '-10s' }, /got "-10s"$/],
    [{ resyncInterval: '25d' }, /got "25d" \(too long\)$/],
    [{ resyncInterval: true }, /got true$/],
    [{ origins: [1] }, /^origins\[0\]: .* got 1 \(each item is text; put it in quotes\)$/],
    [{ origins: ['a', 'b,c'] }, /^origins\[1\]: .* got "b,c" \(an item holds no comma\)$/],
    [{ origins: ['a', ' '] }, /^origins\[1\]: .* got " " \(an empty item\)$/],
    [{ origins: { a: 1 } }, /^origins: .* got an object$/],
    [{ scopes: [] }, /^scopes: .* got an empty list \(the list is empty\)$/],
    [{ severityOrder: ['ban', 'ban'] }, /^severityOrder: .* got a list \(an item appears twice\)$/],
    [{ invalidAddressAction: 'deny' }, 'invalidAddressAction: expected `allow` or `ban`, got "deny"'],
    [{ remediationFallback: 'captcha' }, 'remediationFallback: expected `ban` or `ignore`, got "captcha"'],
    [{ sources: [{ name: 'x' }] }, /^sources\[0\]: .* got an object$/],
    [{ sources: [source, { ...source }] }, /^sources: .*\(two are named "mine"\)$/],
    [{ sources: source }, /^sources: .* got an object$/],
    [{ logger: { info() {} } }, /^logger: expected an object with `debug`/],
    [{ decisionsFile: '' }, 'decisionsFile: expected the path of a file, got an empty text'],
    [{ frequency: 1 }, 'frequency: unknown option'],
    [{ streamUpdateFrequencey: '1s' }, 'streamUpdateFrequencey: unknown option; did you mean streamUpdateFrequency?'],
    [{ api_url: 'http://x' }, 'api_url: unknown option; did you mean apiUrl?'],
    [{ listen: '1' }, "listen: this option belongs to the check service's configuration"],
    [{ apiKeyFile: 'x' }, /^apiKey and apiKeyFile: both/],
  ])('%j', (options, expected) => {
    const problem = problemWith({ ...key, ...options })
    expect(problem.slice(0, 16)).toBe('ERR_CSB_CONFIG: ')
    const sentence = problem.slice(16).replace(/^2 problems: \(1\) /, '')
    if (typeof expected === 'string') expect(sentence).toBe(expected)
    else expect(sentence).toMatch(expected)
  })

  test.each([[null], ['x'], [[]], [undefined], [1n]])('%s in place of options', (options) => {
    expect(problemWith(options)).toMatch(/^ERR_CSB_CONFIG: expected an object with options/)
  })

  test.each([[{}], [{ apiUrl: 'http://127.0.0.1:8080' }], [{ apiKey: undefined }], [{ sources: [] }]])(
    '%j, which gives no decisions',
    (options) => {
      expect(problemWith(options)).toBe(
        'ERR_CSB_CONFIG: there is nothing to get decisions from: set apiKey (and apiUrl) for a LAPI, decisionsFile for a local list, capiPull for CAPI, or sources of your own',
      )
    },
  )

  test('everything at once, in one line', () => {
    const problem = problemWith({ apiURL: 'x', scopes: [], startTimeout: 'soon' })
    expect(problem).toMatch(
      /^ERR_CSB_CONFIG: 4 problems: \(1\) apiURL: .*did you mean apiUrl\?; \(2\) there is nothing .*; \(3\) startTimeout: .*; \(4\) scopes: /,
    )
    expect(problem).not.toContain('\n')
  })
})

describe('a secret', () => {
  const secret = 's3cr3t-k3y'

  test.each([
    ['a key with a space', { apiKey: `${secret} x` }],
    ['a key with a line end', { apiKey: `${secret}\n` }],
    ['a key beside a typo', { apiKey: secret, nope: 1 }],
    ['a misspelt key', { apiKye: secret }],
    ['a key that is a list', { apiKey: [secret] }],
    ['a password in the URL', { ...key, apiUrl: `http://user:${secret}@lapi:8080` }],
    ['a password in no URL', { ...key, apiUrl: `user:${secret}@lapi:8080` }],
    ['a password with a slash in the URL', { ...key, apiUrl: `http://user:${secret}/x@lapi` }],
    ['a token in the query', { ...key, apiUrl: `http://lapi/?token=${secret}` }],
  ])('is not in the error about %s', (_, options) => {
    const problem = problemWith(options)
    expect(problem).toMatch(/^ERR_CSB_CONFIG: /)
    expect(problem).not.toContain(secret)
  })

  test('is not in what is printed of good options', () => {
    const options = parseOptions({ apiKey: secret })
    const printed = [JSON.stringify(options), inspect(options, { depth: 9, showHidden: true }), `${options.apiKey}`]
    for (const text of printed) {
      expect(text).not.toContain(secret)
      expect(text).toContain('[secret]')
    }
  })

  const directory = temporaryDirectory()
  const fileWith = (name: string, content: string) => {
    writeFileSync(join(directory, name), content)
    return join(directory, name)
  }

  test('can stand in a file', () => {
    expect(parseOptions({ apiKeyFile: fileWith('good', `${secret}\n`) }).apiKey?.reveal()).toBe(secret)
  })

  test.each([
    ['missing', join(directory, 'missing'), /^ERR_CSB_CONFIG: apiKeyFile: .*missing cannot be read \(ENOENT\)$/],
    ['a directory', directory, /cannot be read \(EISDIR\)$/],
    ['empty', fileWith('empty', '\n'), /is empty$/],
    ['of two words', fileWith('two', `${secret} more`), /two does not hold text without spaces/],
  ])('is refused where the file is %s', (_, apiKeyFile, expected) => {
    const problem = problemWith({ apiKeyFile })
    expect(problem).toMatch(expected)
    expect(problem).not.toContain(secret)
  })
})

describe('notices', () => {
  test.each([
    [
      { ...key, decisionsFile: 'x' },
      ['decisionsFile: not used, because apiKey is set and decisions come from the LAPI'],
    ],
    [{ decisionsFile: 'x' }, []],
    [
      { decisionsFile: 'x', apiUrl: 'http://lapi', resyncInterval: '1h' },
      ['apiUrl, resyncInterval: not used, because apiKey is not set'],
    ],
  ])('%j', (options, expected) => {
    const { notices, decisionsFile } = parseOptions(options)
    expect(notices).toEqual(expected)
    if ('apiKey' in options) expect(decisionsFile).toBe(null)
  })
})
