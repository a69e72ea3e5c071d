/** The service's configuration: file, FILE.local and environment, their order, and what is said about mistakes in them. */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is the syntax under test
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/config/kinds/secret.js'
import { loadConfiguration, type ServiceConfiguration } from '../../src/config/load-configuration.js'
import { parseOptions, type ResolvedOptions } from '../../src/config/parse-options.js'
import { BouncerError } from '../../src/errors.js'
import { temporaryDirectory } from '../temporary-directory.js'

interface Given {
  readonly file?: string
  readonly local?: string
  readonly env?: NodeJS.ProcessEnv
}

function write({ file, local }: Given): string | undefined {
  if (file === undefined) return undefined
  const path = join(temporaryDirectory(), 'b.yaml')
  writeFileSync(path, file)
  if (local !== undefined) writeFileSync(`${path}.local`, local)
  return path
}

async function load(given: Given): Promise<ServiceConfiguration> {
  return loadConfiguration({ file: write(given), env: given.env ?? {} })
}

/** What the library makes of a configuration, the key in plain text. */
async function values(given: Given): Promise<Record<string, unknown>> {
  const { bouncer, listen, logLevel } = await load(given)
  const { apiKey, ...rest }: ResolvedOptions = parseOptions(bouncer)
  return { ...rest, apiKey: apiKey?.reveal() ?? null, listen, logLevel }
}

async function problem(given: Given): Promise<string> {
  const file = write(given)
  try {
    await loadConfiguration({ file, env: given.env ?? {} })
  } catch (error) {
    if (!(error instanceof BouncerError)) throw error
    return `${error.code}: ${error.message}`.replaceAll(file ?? '(no file)', 'FILE')
  }
  return 'accepted'
}

describe('precedence', () => {
  const file = 'api_key: k\nstream_update_frequency: 11s\nresync_interval: 1h\nstart_timeout: 1s\n'
  const local = 'stream_update_frequency: 12s\nresync_interval: 2h\n'
  const env = { CROWDSEC_BOUNCER_STREAM_UPDATE_FREQUENCY: '13s', CROWDSEC_BOUNCER_LOG_LEVEL: 'debug' }

  test('environment over FILE.local over FILE over defaults', async () => {
    expect(await values({ file, local, env })).toMatchObject({
      streamUpdateFrequency: 13_000,
      resyncInterval: 7_200_000,
      startTimeout: 1_000,
      deltaPullTimeout: 30_000,
      logLevel: 'debug',
      listen: { host: '127.0.0.1', port: 8088 },
    })
  })

  test('the environment alone is enough', async () => {
    const env = { CROWDSEC_BOUNCER_API_KEY: 'k', CROWDSEC_BOUNCER_ORIGINS: 'a,b', CROWDSEC_BOUNCER_LISTEN: '[::1]:99' }
    expect(await values({ env })).toMatchObject({ apiKey: 'k', origins: ['a', 'b'], listen: { host: '::1', port: 99 } })
  })

  test('an empty variable is not set', async () => {
    expect(await values({ file, env: { CROWDSEC_BOUNCER_API_KEY: '' } })).toMatchObject({ apiKey: 'k' })
  })

  test('a key without value in FILE.local takes back what FILE says', async () => {
    expect(await values({ file, local: 'start_timeout:\n' })).toMatchObject({ startTimeout: 10_000 })
  })

  test('tells which files it read', async () => {
    expect((await load({ file, local })).files.map((path) => path.replace(/^.*[/]/, ''))).toEqual([
      'b.yaml',
      'b.yaml.local',
    ])
    expect((await load({ file })).files).toHaveLength(1)
    expect((await load({ env: { CROWDSEC_BOUNCER_API_KEY: 'k' } })).files).toEqual([])
  })

  test('a key in the environment takes the place of a key file in the file', async () => {
    expect(await values({ file: 'api_key_file: ./nowhere', env: { CROWDSEC_BOUNCER_API_KEY: 'e' } })).toMatchObject({
      apiKey: 'e',
    })
    expect(await values({ file: 'api_key_file: ./nowhere', local: 'api_key: l' })).toMatchObject({ apiKey: 'l' })
  })
})

describe('the file', () => {
  test.each<[string, string, object]>([
    ['comments and a list', '# c\napi_key: k\norigins: [a, b]\n', { origins: ['a', 'b'] }],
    ['a list in dashes', 'api_key: k\norigins:\n  - a\n  - b\n', { origins: ['a', 'b'] }],
    ['milliseconds', 'api_key: k\nstart_timeout: 1500\n', { startTimeout: 1_500 }],
    ['a port as a number', 'api_key: k\nlisten: 99\n', { listen: { host: '127.0.0.1', port: 99 } }],
    ['JSON', '{"api_key": "k", "scopes": "ip"}', { scopes: ['ip'] }],
    ['Windows line ends', 'api_key: k\r\nlog_level: warn\r\n', { logLevel: 'warn' }],
  ])('may hold %s', async (_, file, expected) => {
    expect(await values({ file })).toMatchObject(expected)
  })

  test('may be empty where the environment says enough', async () => {
    expect(await values({ file: '# nothing\n', env: { CROWDSEC_BOUNCER_API_KEY: 'k' } })).toMatchObject({ apiKey: 'k' })
  })

  test('gives paths relative to itself, and the environment to the working directory', async () => {
    const given = { file: 'decisions_file: ./list.txt\n' }
    const path = write(given)
    const { bouncer } = await loadConfiguration({ file: path, env: {} })
    expect(bouncer.decisionsFile).toBe(join(dirname(path ?? ''), 'list.txt'))
    const env = { CROWDSEC_BOUNCER_DECISIONS_FILE: './list.txt' }
    expect((await loadConfiguration({ file: path, env })).bouncer.decisionsFile).toBe(resolve('list.txt'))
  })

  test('may name a key file beside it', async () => {
    const path = write({ file: 'api_key_file: key\n' }) ?? ''
    writeFileSync(join(dirname(path), 'key'), 'from-file\n')
    const { bouncer } = await loadConfiguration({ file: path, env: {} })
    expect(parseOptions(bouncer).apiKey?.reveal()).toBe('from-file')
  })
})

describe('variables', () => {
  const env = { KEY: 'v4lue', EMPTY: '', FREQUENCY: '3s' }

  test.each([
    ['api_key: ${KEY}', 'v4lue'],
    ['api_key: "${KEY}"', 'v4lue'],
    ['api_key: a-${KEY}-${KEY}', 'a-v4lue-v4lue'],
    ['api_key: ${KEY:-other}', 'v4lue'],
    ['api_key: ${NOT_SET:-other}', 'other'],
    ['api_key: ${EMPTY:-other}', 'other'],
    ['api_key: ${NOT_SET:-a:-b}', 'a:-b'],
    ['api_key: $${KEY}', '${KEY}'],
    ['api_key: $KEY', '$KEY'],
    ['api_key: a$$b', 'a$$b'],
  ])('%s', async (file, expected) => {
    expect(await values({ file, env })).toMatchObject({ apiKey: expected })
  })

  test('in lists and durations', async () => {
    const file = 'api_key: k\nstream_update_frequency: ${FREQUENCY}\norigins: [a, "${KEY}"]'
    expect(await values({ file, env })).toMatchObject({ streamUpdateFrequency: 3_000, origins: ['a', 'v4lue'] })
  })

  test('are not looked for in the environment, nor in what a variable holds', async () => {
    expect(await values({ env: { CROWDSEC_BOUNCER_API_KEY: '${KEY}', ...env } })).toMatchObject({ apiKey: '${KEY}' })
    expect(await values({ file: 'api_key: ${A}', env: { A: '${KEY}' } })).toMatchObject({ apiKey: '${KEY}' })
  })

  test('need not be set where a stronger layer says something else', async () => {
    expect(await values({ file: 'api_key: ${NOT_SET}', env: { CROWDSEC_BOUNCER_API_KEY: 'e' } })).toMatchObject({
      apiKey: 'e',
    })
  })

  test.each([
    [
      'api_key: ${NOT_SET}',
      'ERR_CSB_CONFIG: api_key in FILE: the environment variable NOT_SET is not set; ${NOT_SET:-default} gives a default',
    ],
    ['api_key: ${KEY', 'ERR_CSB_CONFIG: api_key in FILE: expected ${VAR} or ${VAR:-default}; write $${ for a plain ${'],
    [
      'api_key: ${KEY-x}',
      'ERR_CSB_CONFIG: api_key in FILE: expected ${VAR} or ${VAR:-default}; write $${ for a plain ${',
    ],
    ['api_key: ${}', 'ERR_CSB_CONFIG: api_key in FILE: expected ${VAR} or ${VAR:-default}; write $${ for a plain ${'],
  ])('%s is refused', async (file, expected) => {
    expect(await problem({ file, env })).toBe(expected)
  })
})

describe('mistakes', () => {
  test.each<[Given, RegExp]>([
    [{ file: 'apiKey: k' }, /\(1\) apiKey in FILE: unknown option; did you mean api_key\?/],
    [
      { file: 'api_key: k\nstream_update_freqency: 1s' },
      /^ERR_CSB_CONFIG: stream_update_freqency in FILE: unknown option; did you mean stream_update_frequency\?$/,
    ],
    [{ file: 'api_key: k\nlogger: x' }, /^ERR_CSB_CONFIG: logger in FILE: this option can only be given in code$/],
    [{ file: 'api_key: k\nlisten: nowhere' }, /^ERR_CSB_CONFIG: listen in FILE: expected `host:port`.*got "nowhere"$/],
    [{ file: 'api_key: k\norigins: [1]' }, /^ERR_CSB_CONFIG: origins\[0\] in FILE: expected .* got 1/],
    [{ file: 'api_key: 12345' }, /^ERR_CSB_CONFIG: api_key in FILE: expected text.*got a number that is not shown$/],
    [{ file: 'api_key: k', local: 'log_level: loud' }, /^ERR_CSB_CONFIG: log_level in FILE.local: .* got "loud"$/],
    [
      { file: 'api_key: k\napi_key_file: f' },
      /^ERR_CSB_CONFIG: 2 problems: \(1\) api_key in FILE and api_key_file in FILE: both/,
    ],
    [
      { env: { CROWDSEC_BOUNCER_API_KYE: 'k' } },
      /\(1\) CROWDSEC_BOUNCER_API_KYE: unknown option; did you mean CROWDSEC_BOUNCER_API_KEY\?/,
    ],
    [
      { env: { CROWDSEC_BOUNCER_API_KEY: 'k', CROWDSEC_BOUNCER_START_TIMEOUT: '10' } },
      /^ERR_CSB_CONFIG: CROWDSEC_BOUNCER_START_TIMEOUT: .*unit is missing/,
    ],
    [
      { file: '' },
      /^ERR_CSB_CONFIG: there is nothing to get decisions from: set api_key \(and api_url\) for a LAPI, decisions_file for a local list, capi_pull for CAPI$/,
    ],
    [{ file: '- a\n- b' }, /^ERR_CSB_CONFIG_FILE: FILE: expected "key: value" lines/],
    [{ file: 'just text' }, /^ERR_CSB_CONFIG_FILE: FILE: expected "key: value" lines/],
    [{ file: 'api_key: s3cr3t: s3cr3t\n' }, /^ERR_CSB_CONFIG_FILE: FILE, line 1, column \d+: not valid YAML \(/],
    [{ file: 'api_key: "s3cr3t\n' }, /^ERR_CSB_CONFIG_FILE: FILE, line \d+, column \d+: not valid YAML \(/],
    [
      { file: 'api_key: |s3cr3t\n  x' },
      /^ERR_CSB_CONFIG_FILE: FILE, line 1, column 11: not valid YAML \(Block scalar header includes extra characters\)$/,
    ],
    [
      { file: 'api_key: !s3cr3t x\n' },
      /^ERR_CSB_CONFIG_FILE: FILE, line 1, column 10: not valid YAML \(Unresolved tag\)$/,
    ],
    [{ file: 'api_key: *s3cr3t\n' }, /^ERR_CSB_CONFIG_FILE: FILE.*not valid YAML/],
    [
      { file: 'api_key: s3cr3t\napi_key: s3cr3t\n' },
      /^ERR_CSB_CONFIG_FILE: FILE, line 2, column 1: not valid YAML \(Map keys must be unique\)$/,
    ],
    [{ file: 'api_key: s3cr3t\n---\nlisten: 1\n' }, /^ERR_CSB_CONFIG_FILE: FILE.*not valid YAML/],
  ])('%j', async (given, expected) => {
    const text = await problem(given)
    expect(text).toMatch(expected)
    expect(text).not.toContain('s3cr3t')
    expect(text).not.toContain('\n')
  })

  test('a file that is not there', async () => {
    const told = await loadConfiguration({ file: '/nowhere/x.yaml', env: {} }).catch(String)
    expect(told).toBe('BouncerError: configuration file /nowhere/x.yaml does not exist')
  })

  test('a directory in place of a file', async () => {
    const told = await loadConfiguration({ file: tmpdir(), env: {} }).catch(String)
    expect(told).toMatch(/cannot be read \(EISDIR\)/)
  })
})

test('variables that Kubernetes sets for a service named crowdsec-bouncer are not options', async () => {
  const env = {
    CROWDSEC_BOUNCER_API_KEY: 'k',
    CROWDSEC_BOUNCER_SERVICE_HOST: '10.0.0.1',
    CROWDSEC_BOUNCER_SERVICE_PORT: '8088',
    CROWDSEC_BOUNCER_SERVICE_PORT_HTTP: '8088',
    CROWDSEC_BOUNCER_PORT: 'tcp://10.0.0.1:8088',
    CROWDSEC_BOUNCER_PORT_8088_TCP: 'tcp://10.0.0.1:8088',
    CROWDSEC_BOUNCER_PORT_8088_TCP_PROTO: 'tcp',
  }
  expect(await values({ env })).toMatchObject({ apiKey: 'k' })
})

test('a key takes the place of the decisions file, and one is told so in the words of the file', async () => {
  const { bouncer, notices } = await load({
    file: 'decisions_file: l.txt',
    env: { CROWDSEC_BOUNCER_API_KEY: 's3cr3t' },
  })
  expect(bouncer.decisionsFile).toBe(undefined)
  expect(bouncer.apiKey).toBeInstanceOf(Secret)
  expect(notices).toEqual(['decisions_file: not used, because api_key is set and decisions come from the LAPI'])
  expect(parseOptions(bouncer).notices).toEqual([])
})

describe('the list of the example that comes with the package', () => {
  const example = (given: Omit<Given, 'file'>, isExample = true) =>
    loadConfiguration({ file: write({ file: 'decisions_file: l.txt', ...given }), isExample, env: given.env ?? {} })

  test.each<[Omit<Given, 'file'>, string]>([
    [{ env: { CROWDSEC_BOUNCER_CAPI_PULL: 'true' } }, 'capi_pull'],
    [{ local: 'capi: { pull: true }' }, 'capi_pull'],
    [{ env: { CROWDSEC_BOUNCER_API_KEY: 'k' } }, 'api_key'],
    [{ local: 'api_key: k\nmode: none' }, 'api_key'],
  ])('is not used beside %j, which is told', async (given, name) => {
    const { bouncer, notices } = await example(given)
    expect(bouncer.decisionsFile).toBe(undefined)
    expect(notices).toEqual([`decisions_file: not used, because ${name} is set and the list is an example`])
  })

  test.each<[Omit<Given, 'file'>, boolean]>([
    [{}, true],
    [{ env: { CROWDSEC_BOUNCER_CAPI_PULL: 'false' } }, true],
    [{ local: 'decisions_file: mine.txt\ncapi_pull: true' }, true],
    [{ env: { CROWDSEC_BOUNCER_CAPI_PULL: 'true' } }, false],
  ])('is used with %j (example: %s), and so is one of your own', async (given, isExample) => {
    const { bouncer, notices } = await example(given, isExample)
    const list = given.local === undefined ? 'l.txt' : 'mine.txt'
    expect([bouncer.decisionsFile, notices]).toEqual([expect.stringMatching(new RegExp(`/${list}$`)), []])
  })
})

test('without a key nothing is said where nothing is contradictory', async () => {
  const { bouncer, notices } = await load({ file: 'decisions_file: l.txt' })
  expect(Object.keys(bouncer)).toEqual(['decisionsFile'])
  expect([notices, parseOptions(bouncer).notices]).toEqual([[], []])
})

test('prints no secret', async () => {
  const configuration = await load({ file: 'api_key: s3cr3t' })
  expect(JSON.stringify(configuration) + inspect(configuration, { depth: 9 })).not.toContain('s3cr3t')
})

test('createBouncer takes what was loaded, whatever was given', async () => {
  const file = `
api_key: k
mode: hybrid
live_api_key: l
allowlist: [192.0.2.1, 10.0.0.0/8, 203.0.113.4-203.0.113.9]
trusted_proxies: [loopback, 192.0.2.0/24]
exclude_paths: /health,/metrics
exclude_methods: [options]
scenario_actions: { a: allow }
origin_actions: { CAPI: captcha }
usage_metrics_interval: 0
max_staleness: 1h
retry_after: true
insecure_skip_verify: true
client_address_header: CF-Connecting-IP
severity_order: [captcha, ban]
`
  const { bouncer } = await load({ file })
  expect(parseOptions(bouncer)).toMatchObject(bouncer)
})
