/** Options about the way to the LAPI: which go together, which do not, and what is warned of. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is the syntax under test

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { lapiPeers } from '../../src/config/lapi-peers.js'
import { loadConfiguration } from '../../src/config/load-configuration.js'
import { optionWarnings } from '../../src/config/option-warnings.js'
import type { BouncerOptions } from '../../src/config/options/options.js'
import { parseOptions } from '../../src/config/parse-options.js'
import { BouncerError } from '../../src/errors.js'
import { createBouncer } from '../../src/index.js'
import { fixture } from '../http/https-server.js'
import { temporaryDirectory } from '../temporary-directory.js'

const cert = { tlsCertFile: '/cert.pem', tlsKeyFile: '/key.pem' }
const https = { apiUrl: 'https://lapi.example' }
const lapis = [
  { name: 'paris', apiUrl: 'http://paris:8080/', apiKey: 'KEY-ONE' },
  { name: 'tokyo', apiUrl: 'unix:/run/tokyo.sock', apiKey: 'KEY-TWO', liveApiKey: 'KEY-THREE' },
]

function problemWith(options: unknown): string {
  try {
    parseOptions(options)
  } catch (error) {
    if (!(error instanceof BouncerError)) throw error
    return error.message
  }
  return 'accepted'
}

describe('go together', () => {
  test.each<[string, BouncerOptions]>([
    ['a key', { apiKey: 'k' }],
    ['a certificate and an https URL', { ...https, ...cert }],
    ['a key, an https URL and an authority', { ...https, apiKey: 'k', tlsCaFile: '/ca.pem' }],
    ['mode none and nothing else', { mode: 'none' }],
    ['an authority and a plain no', { apiKey: 'k', tlsCaFile: '/ca.pem', insecureSkipVerify: false }],
    ['several LAPIs and an authority for all', { lapis, tlsCaFile: '/ca.pem' }],
    ['no LAPI in the list and one beside it', { lapis: [], apiKey: 'k' }],
    ['a unix socket and a key', { apiUrl: 'http://unix:/run/crowdsec.sock', apiKey: 'k' }],
  ])('%s', (_name, options) => {
    expect(problemWith(options)).toBe('accepted')
  })
})

describe('do not go together', () => {
  test.each<[unknown, string]>([
    [
      { ...https, ...cert, apiKey: 'k' },
      'apiKey and tlsCertFile: the LAPI takes either a key or a certificate; leave one away',
    ],
    [{ ...https, tlsCertFile: '/c' }, 'tlsCertFile: needs tlsKeyFile beside it'],
    [{ apiKey: 'k', tlsKeyFile: '/c' }, 'tlsKeyFile: needs tlsCertFile beside it'],
    [cert, 'tlsCertFile: needs an https URL in apiUrl'],
    [{ ...cert, apiUrl: 'unix:/run/crowdsec.sock' }, 'tlsCertFile: needs an https URL in apiUrl'],
    [
      { apiKey: 'k', tlsCaFile: '/c', insecureSkipVerify: true },
      'tlsCaFile and insecureSkipVerify: a certificate is either checked or not; leave one away',
    ],
    [{ apiKey: 'k', lapis }, 'lapis and apiKey: each item of the list has its own; leave one away'],
    [
      { mode: 'live' },
      'there is nothing to get decisions from: set apiKey (and apiUrl) for a LAPI, decisionsFile for a local list, capiPull for CAPI, or sources of your own',
    ],
    [
      { lapis: [lapis[0], lapis[0]] },
      'expected a list of `{ name, api_url, api_key }`, each name once, and `live_api_key` in the mode `hybrid`, got a list that is not shown (two are named "paris")',
    ],
    [{ lapis: [{ name: 'paris', apiUrl: 'paris', apiKey: 'k' }] }, 'lapis[0].apiUrl: expected'],
    [{ lapis: [{ ...lapis[0], apiKye: 'KEY' }] }, '(unknown: apiKye)'],
    [{ lapis: [{ name: 'paris', apiUrl: 'http://paris' }] }, 'lapis[0].apiKey: expected'],
    [{ apiKey: 'k', geoipAsnFile: '/a', geoResolver: { locate: () => null } }, 'geoResolver and geoipAsnFile'],
    [{ apiKey: 'k', apiUrl: 'unix:run.sock' }, 'apiUrl: expected'],
  ])('%j', (options, problem) => {
    expect(problemWith(options)).toContain(problem)
    expect(problemWith(options)).not.toContain('KEY-')
  })
})

describe('several LAPIs', () => {
  test('come out with their names and keys, none of which is printed', () => {
    const options = parseOptions({ lapis })
    expect(
      lapiPeers(options).map(({ name, apiUrl, apiKey, liveApiKey }) => [
        name,
        apiUrl,
        apiKey?.reveal(),
        liveApiKey?.reveal(),
      ]),
    ).toEqual([
      ['paris', 'http://paris:8080', 'KEY-ONE', undefined],
      ['tokyo', 'unix:/run/tokyo.sock', 'KEY-TWO', 'KEY-THREE'],
    ])
    for (const printed of [inspect(options, { depth: 9 }), JSON.stringify(options)])
      expect(printed).not.toContain('KEY-')
  })

  test('cannot have the name of another source', () => {
    const source = { name: 'paris', start() {}, stop() {} }
    expect(() => createBouncer({ lapis, sources: [source] })).toThrow('two sources are named "paris"')
  })
})

describe('without effect, and told', () => {
  test.each<[BouncerOptions, readonly string[]]>([
    [{ apiKey: 'k', mode: 'live', resyncInterval: '1h' }, ['resyncInterval: not used, because mode is live']],
    [{ apiKey: 'k', liveApiKey: 'l' }, ['liveApiKey: not used, because mode is stream']],
    [
      { ...https, ...cert, decisionsFile: 'list' },
      ['decisionsFile: not used, because tlsCertFile is set and decisions come from the LAPI'],
    ],
    [
      { lapis, decisionsFile: 'list' },
      ['decisionsFile: not used, because lapis is set and decisions come from the LAPI'],
    ],
    [{ apiKey: 'k', mode: 'hybrid', liveApiKey: 'l' }, []],
    [{ apiKey: 'k', mode: 'none', decisionsFile: 'list' }, []],
  ])('%j', (options, notices) => {
    expect(parseOptions(options).notices).toEqual(notices)
  })

  test('mode none leaves the LAPI to metrics, and a file to decisions', () => {
    expect(parseOptions({ apiKey: 'k', mode: 'none', decisionsFile: '/list' }).decisionsFile).toBe('/list')
  })
})

describe('warned of', () => {
  test.each<[string, BouncerOptions, readonly string[]]>([
    ['nothing by default', { apiKey: 'k' }, []],
    ['an unchecked certificate', { apiKey: 'k', insecureSkipVerify: true }, ['CSB_INSECURE_SKIP_VERIFY']],
    ['questions under the key of the stream', { apiKey: 'k', mode: 'hybrid' }, ['CSB_LIVE_KEY']],
    ['the same under a certificate', { ...https, ...cert, mode: 'hybrid' }, ['CSB_LIVE_KEY']],
    ['the same with one of several', { lapis, mode: 'hybrid' }, ['CSB_LIVE_KEY']],
    ['not with a key of its own', { apiKey: 'k', mode: 'hybrid', liveApiKey: 'l' }, []],
    ['not without a stream', { apiKey: 'k', mode: 'live' }, []],
  ])('%s', (_name, options, codes) => {
    expect(optionWarnings(parseOptions(options)).map(({ code }) => code)).toEqual(codes)
  })
})

describe('a file', () => {
  async function load(text: string, env: NodeJS.ProcessEnv = {}) {
    const folder = temporaryDirectory()
    const file = join(folder, 'config.yaml')
    writeFileSync(file, text)
    writeFileSync(join(folder, 'live.key'), 'FROM-FILE\n')
    return { folder, file, ...(await loadConfiguration({ file, env })) }
  }

  test('nests what belongs to TLS, with paths beside the file', async () => {
    const { bouncer, folder } = await load(
      'api_url: https://lapi.example\ntls:\n  cert_file: c.pem\n  key_file: /k.pem\n  ca_file: ${CA}\n',
      { CA: 'ca.pem' },
    )
    expect(bouncer).toEqual({
      apiUrl: 'https://lapi.example',
      tlsCertFile: join(folder, 'c.pem'),
      tlsKeyFile: '/k.pem',
      tlsCaFile: join(folder, 'ca.pem'),
    })
  })

  test('names a nested mistake', async () => {
    await expect(load('api_key: k\ntls:\n  cart_file: c.pem\n')).rejects.toThrow(
      /tls_cart_file in .*: unknown option; did you mean tls_cert_file\?/,
    )
  })

  test('lists several LAPIs in its own spelling, with variables', async () => {
    const { bouncer } = await load(
      'lapis:\n  - { name: paris, api_url: "http://paris:8080", api_key: "${PARIS}" }\n  - { name: tokyo, api_url: "http://tokyo:8080", api_key: k }\n',
      { PARIS: 'KEY-ONE' },
    )
    expect(lapiPeers(parseOptions(bouncer)).map(({ name, apiKey }) => [name, apiKey?.reveal()])).toEqual([
      ['paris', 'KEY-ONE'],
      ['tokyo', 'k'],
    ])
  })

  test('names the file of the key for questions', async () => {
    const { bouncer } = await load('api_key: k\nmode: hybrid\nlive_api_key_file: live.key\n')
    expect(lapiPeers(parseOptions(bouncer))[0]?.liveApiKey?.reveal()).toBe('FROM-FILE')
  })

  test('the list cannot stand in the environment', async () => {
    await expect(load('', { CROWDSEC_BOUNCER_LAPIS: 'KEY-ONE' })).rejects.toThrow(/got a text that is not shown/)
  })
})

test('a certificate that cannot be read is an error of createBouncer', () => {
  const paths = { tlsCertFile: '/nowhere.pem', tlsKeyFile: fixture('client.key') }
  expect(() => createBouncer({ ...https, ...paths })).toThrow(
    expect.objectContaining({ code: 'ERR_CSB_TLS', message: expect.stringContaining('/nowhere.pem') }),
  )
})
