/** What the commands about CAPI read of a configuration, and that they need no more of it. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type CapiFlags, loadCapiConfiguration } from '../../src/config/load-capi-configuration.js'
import { temporaryDirectory } from '../temporary-directory.js'

const directory = temporaryDirectory()

function load(yaml: string, env: NodeJS.ProcessEnv = {}, flags: CapiFlags = {}) {
  const file = join(directory, 'bouncer.yaml')
  writeFileSync(file, yaml)
  return loadCapiConfiguration({ file, env }, flags)
}

test('a file with nothing but a storage is enough, and so is no file', async () => {
  const { capiStorage, capiUrl } = await load('capi_storage: sqlite:x.db')
  expect([capiStorage.reveal(), capiUrl]).toEqual([`sqlite:${join(directory, 'x.db')}`, 'https://api.crowdsec.net/v3'])
  const none = await loadCapiConfiguration({ env: {} }, {})
  expect(none.capiStorage.reveal()).toBe(`sqlite:${join(process.cwd(), 'crowdsec-bouncer.db')}`)
})

test('other options may be there, and may even be wrong', async () => {
  const yaml = 'api_key_file: /nowhere\nmode: live\nlisten: nonsense\napi_url: $' + '{UNSET}\ncapi_scenarios: [a/b]\n'
  expect(await load(yaml, { CROWDSEC_BOUNCER_MODE: 'hybrid' })).toMatchObject({ capiScenarios: ['a/b'] })
})

test('the limits of the outbox are those of the service', async () => {
  const yaml = 'report_max_signals: 7\nreport_max_age: 1d\nreport_interval: nonsense\n'
  expect(await load(yaml)).toMatchObject({ reportMaxSignals: 7, reportMaxAge: 86_400_000 })
  expect(await load('')).toMatchObject({ reportMaxSignals: 100_000, reportMaxAge: 7 * 86_400_000 })
  await expect(load('report_max_signals: 0')).rejects.toThrow(/^report_max_signals in \S+: expected a whole number/)
})

test('the budget of logins is a count, or unlimited', async () => {
  expect(await load('')).toMatchObject({ capiLoginBudget: 18 })
  expect(await load('capi:\n  login_budget: 200\n')).toMatchObject({ capiLoginBudget: 200 })
  const env = { CROWDSEC_BOUNCER_CAPI_LOGIN_BUDGET: '7' }
  expect(await load('capi_login_budget: unlimited', env)).toMatchObject({ capiLoginBudget: 7 })
  expect(await load('capi_login_budget: unlimited')).toMatchObject({ capiLoginBudget: 'unlimited' })
  for (const wrong of ['0', '1.5', '-1', 'none', '2000000']) {
    await expect(load(`capi_login_budget: ${wrong}`)).rejects.toThrow(
      /^capi_login_budget in \S+: expected a whole number .*unlimited/,
    )
  }
})

test('flags win over the environment, that over the file', async () => {
  const yaml = 'capi_url: http://file/v3\ncapi_scenarios: [a/file]\ncapi_storage: memory\n'
  const env = { CROWDSEC_BOUNCER_CAPI_URL: 'http://env/v3', CROWDSEC_BOUNCER_CAPI_SCENARIOS: 'a/env' }
  expect(await load(yaml, env)).toMatchObject({ capiUrl: 'http://env/v3', capiScenarios: ['a/env'] })
  const flags = { url: 'development', scenarios: 'a/flag,b/flag', storage: 'sqlite:flag.db' }
  const configuration = await load(yaml, env, flags)
  expect(configuration).toMatchObject({
    capiUrl: 'https://api.dev.crowdsec.net/v3',
    capiScenarios: ['a/flag', 'b/flag'],
  })
  // What is typed is relative to where it is typed.
  expect(configuration.capiStorage.reveal()).toBe(`sqlite:${join(process.cwd(), 'flag.db')}`)
})

test('the password comes out of its file', async () => {
  writeFileSync(join(directory, 'password'), 's3cr3t\n')
  const { capiPassword } = await load(`capi_machine_id: ${'a'.repeat(48)}\ncapi_password_file: password\n`)
  expect(capiPassword?.reveal()).toBe('s3cr3t')
})

test('the attachment key in the environment is no option', async () => {
  await expect(load('', { CROWDSEC_BOUNCER_ATTACHMENT_KEY: 'k' })).resolves.toBeDefined()
  await expect(load('attachment_key: k')).rejects.toThrow(/attachment_key in \S+: unknown option/)
})

test.each<[string, string, CapiFlags, RegExp]>([
  ['an unknown name', 'capi_urll: x', {}, /capi_urll in \S+: unknown option; did you mean capi_url\?/],
  ['a bad value', 'capi_scenarios: [a b]', {}, /capi_scenarios\[0\] in \S+: expected /],
  [
    'a password without its machine',
    'capi_password: s3cr3t',
    {},
    /^capi_password in \S+: needs capi_machine_id beside it$/,
  ],
  ['a bad flag', '', { storage: 'mysql://u:s3cr3t@h' }, /^--storage: expected .*, got a text that is not shown$/],
])('%s is refused', async (_, yaml, flags, message) => {
  await expect(load(yaml, {}, flags)).rejects.toMatchObject({
    code: 'ERR_CSB_CONFIG',
    message: expect.stringMatching(message),
  })
})
