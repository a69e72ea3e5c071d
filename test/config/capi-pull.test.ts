/** The options of CAPI as a source: in code, in a file flat and nested, and in the environment. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadConfiguration } from '../../src/config/load-configuration.js'
import { parseOptions } from '../../src/config/parse-options.js'
import { createBouncer } from '../../src/index.js'
import { temporaryDirectory } from '../temporary-directory.js'

async function loaded(text: string, env: NodeJS.ProcessEnv = {}) {
  const file = join(temporaryDirectory(), 'b.yaml')
  writeFileSync(file, text)
  return parseOptions((await loadConfiguration({ file, env })).bouncer)
}

const DEFAULTS = { capiPull: true, capiPullInterval: 7_200_000, capiCommunityPull: true, capiAdditionalPull: true }

describe('capi_pull', () => {
  it('is enough to get decisions from', () => {
    expect(parseOptions({ capiPull: true })).toMatchObject({ ...DEFAULTS, capiAllowPrivateLinks: false })
    expect(() => parseOptions({ capiPull: false })).toThrow(/nothing to get decisions from: .* capiPull for CAPI/)
  })

  it.each([
    ['flat', 'capi_pull: true\ncapi_pull_interval: 3h\ncapi_community_pull: no\n', {}],
    ['nested', 'capi:\n  pull: true\n  pull_interval: 3h\n  community_pull: false\n', {}],
    ['nested on one line', 'capi: { pull: true, pull_interval: 3h, community_pull: false }\n', {}],
    [
      'with a part from the environment',
      'capi: { pull: true }\n',
      { CROWDSEC_BOUNCER_CAPI_PULL_INTERVAL: '3h', CROWDSEC_BOUNCER_CAPI_COMMUNITY_PULL: 'false' },
    ],
  ])('in a file, %s', async (_name, text, env) => {
    expect(await loaded(text, env)).toMatchObject({
      ...DEFAULTS,
      capiPullInterval: 10_800_000,
      capiCommunityPull: false,
    })
  })

  it.each([
    [
      'capi: { pull: true, pull_intervall: 3h }',
      /capi_pull_intervall in .*: unknown option; did you mean capi_pull_interval\?/,
    ],
    [
      'capi: { pull: true, pull_interval: 1m }',
      /capi_pull_interval in .*: expected a duration of 10m or more such as 2h, got "1m"/,
    ],
    ['update_frequency: 10s', /update_frequency in .*: .* did you mean stream_update_frequency\?/],
    ['capi: true', /capi in .*: unknown option; did you mean one of capi_url, .*, capi_pull, .*\?/],
    ['tls: true', /tls in .*: unknown option; did you mean one of tls_cert_file, .*\?/],
    ['capi: { report: true }', /capi_report in .*: unknown option; did you mean report, without capi before it\?/],
    ['capi_allowlist: [192.0.2.1]', /capi_allowlist in .*: .* did you mean allowlist, without capi before it\?/],
    ['capi_pul: true', /capi_pul in .*: unknown option; did you mean capi_(?:url|pull)\?/],
    ['capi: { frobnicate: 1 }', /capi_frobnicate in \S+: unknown option(?!; did)/],
    [
      'capi: { pull: true, community_pull: false, additional_pull: false }',
      /^capi_pull in .*: there is nothing to pull, since capi_community_pull in .* and capi_additional_pull in .* are both off$/,
    ],
  ])('%s is refused', async (text, message) => {
    await expect(loaded(text)).rejects.toThrow(message)
  })

  it('in the environment and in code, gets the same hints', async () => {
    await expect(loaded('capi_pull: true', { CROWDSEC_BOUNCER_CAPI_REPORT: 'true' })).rejects.toThrow(
      'CROWDSEC_BOUNCER_CAPI_REPORT: unknown option; did you mean CROWDSEC_BOUNCER_REPORT, without capi before it?',
    )
    expect(() => parseOptions({ capi: { pull: true } })).toThrow(/capi: unknown option; did you mean one of capiUrl, /)
  })

  it('is left out where nothing stands under its block', async () => {
    await expect(loaded('decisions_file: list.txt\ncapi:\n  # pull: true\n')).resolves.toMatchObject({
      capiPull: false,
    })
  })

  it('without anything to pull is refused', () => {
    const options = { capiPull: true, capiStorage: 'memory', capiCommunityPull: false, capiAdditionalPull: false }
    expect(() => createBouncer(options)).toThrow(
      /^capiPull: there is nothing to pull, since capiCommunityPull and capiAdditionalPull are both off$/,
    )
  })

  it("and a source of one's own cannot both be named capi", () => {
    const source = { name: 'capi', start() {}, stop() {} }
    expect(() => createBouncer({ capiPull: true, capiStorage: 'memory', sources: [source] })).toThrow(
      'two sources are named "capi"',
    )
    const bouncer = createBouncer({ capiPull: true, capiStorage: 'memory' })
    onTestFinished(() => bouncer.stop())
    expect(bouncer.stats().sources.map(({ name, state }) => `${name} ${state}`)).toEqual(['capi starting'])
  })
})
