/** Options about CAPI and reporting: values, mistakes, and what goes together. */

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, it, test } from 'vitest'
import { loadConfiguration } from '../../src/config/load-configuration.js'
import { parseOptions } from '../../src/config/parse-options.js'
import { temporaryDirectory } from '../temporary-directory.js'

const key = { apiKey: 'k' }
const on = { ...key, report: true, capiScenarios: ['me/x', 'me/y'] }
const machineId = 'aB3'.repeat(16)

describe('takes', () => {
  test.each([
    [{ capiUrl: 'development' }, { capiUrl: 'https://api.dev.crowdsec.net/v3' }],
    [{ capiUrl: 'http://127.0.0.1:9000/v3/' }, { capiUrl: 'http://127.0.0.1:9000/v3' }],
    [{ capiScenarios: 'a/b, c/d,a/b' }, { capiScenarios: ['a/b', 'c/d'] }],
    [{ capiMachineId: machineId }, { capiMachineId: machineId }],
    [{ reportOrigins: 'crowdsec,CAPI' }, { reportOrigins: ['crowdsec', 'CAPI'] }],
    [{ reportScenario: 'me/y' }, { reportScenario: 'me/y' }],
    [{ reportContext: 'query,path,query' }, { reportContext: ['query', 'path'] }],
    [{ reportContext: [] }, { reportContext: [] }],
    [{ reportWindow: '10m' }, { reportWindow: 600_000 }],
    [{ reportInterval: '5m' }, { reportInterval: 300_000 }],
    [{ reportInterval: 1_200_000 }, { reportInterval: 1_200_000 }],
    [{ reportMaxSignals: 1 }, { reportMaxSignals: 1 }],
    [{ reportMaxSignals: '10000000' }, { reportMaxSignals: 10_000_000 }],
    [{ reportMaxAge: '2d' }, { reportMaxAge: 2 * 86_400_000 }],
    [{ report: 'yes' }, { report: true }],
    [{ report: false }, { report: false }],
  ])('%j', (options, expected) => {
    expect(parseOptions({ ...on, ...options })).toMatchObject(expected)
  })

  test.each([
    ['memory', 'memory'],
    ['sqlite:x.db', `sqlite:${resolve('x.db')}`],
    ['sqlite:/var/lib/x y.db', 'sqlite:/var/lib/x y.db'],
    ['postgresql://u:secret@h/d', 'postgresql://u:secret@h/d'],
    ['postgres://h/d', 'postgres://h/d'],
  ])('the storage %s, which is not shown', (capiStorage, expected) => {
    const options = parseOptions({ ...key, capiStorage })
    expect(options.capiStorage.reveal()).toBe(expected)
    expect(inspect(options) + JSON.stringify(options)).not.toContain('u:secret')
  })
})

describe('refuses', () => {
  test.each([
    [{ capiUrl: 'staging' }, /^capiUrl: expected `production`, `development`, or .*, got "staging"/],
    [{ capiUrl: 'https://u:p@h/v3' }, /^capiUrl: .*got "https:\/\/\[hidden\]@h\/v3" \(user information/],
    [{ capiScenarios: ['a/b', 'x'] }, /^capiScenarios\[1\]: .*got "x" \(it is author\/name/],
    [{ capiScenarios: ['http://u:secret@h/x'] }, /^capiScenarios\[0\]: (?!.*secret)/],
    [{ capiMachineId: 'short' }, /^capiMachineId: expected 48 letters and digits, got "short"/],
    [{ capiPassword: 'p' }, /^capiPassword: needs capiMachineId beside it$/],
    [{ capiStorage: 'mysql://u:secret@h/d' }, /^capiStorage: expected .*, got a text that is not shown$/],
    [
      { capiStorage: 'postgresql://u:secret@127.0.0.1:notaport/d' },
      /^capiStorage: expected .*, got a text that is not shown \(it cannot be parsed as postgresql:[^)]+\)$/,
    ],
    [{ capiStorage: 'postgresql://u:sec/ret@h/d' }, /^capiStorage: (?!.*ret@).*percent-encode the password/],
    [{ capiStorage: 'postgresql://u:sec#ret@h/d' }, /^capiStorage: (?!.*ret@).*percent-encode the password/],
    [{ capiStorage: 'x.db' }, /^capiStorage: expected `sqlite:PATH`/],
    [{ capiStorage: ' sqlite::memory: ' }, /^capiStorage: expected .* or `memory`/],
    [{ reportScenario: 'me/z' }, /^reportScenario: expected one of capiScenarios, got "me\/z"$/],
    [{ reportContext: ['path', 'body'] }, /^reportContext\[1\]: expected a list of `method`, .*, got "body"$/],
    [{ reportWindow: '500ms' }, /^reportWindow: expected a duration of 1s to 10m/],
    [{ reportWindow: '11m' }, /^reportWindow/],
    [{ reportInterval: '4m' }, /^reportInterval: expected a duration of 5m to 20m, in whole minutes, got "4m"/],
    [{ reportInterval: '5m30s' }, /^reportInterval/],
    [{ reportInterval: '21m' }, /^reportInterval/],
    [{ reportMaxSignals: 0 }, /^reportMaxSignals: expected a whole number from 1 to 10000000, got 0$/],
    [{ reportMaxSignals: 1.5 }, /^reportMaxSignals: expected a whole number/],
    [{ reportMaxSignals: 10_000_001 }, /^reportMaxSignals/],
    [{ reportMaxAge: '25d' }, /^reportMaxAge: expected a duration of 100ms to 24d such as .*, got "25d" \(too long\)$/],
    [{ reportMaxAge: 0 }, /^reportMaxAge: .* \(too short/],
    [{ report_max_signals: 5 }, /^report_max_signals: unknown option; did you mean reportMaxSignals\?$/],
    [{ redact: 'no' }, /^redact: expected a function/],
    [{ capiScenarios: [] }, /^report: needs capiScenarios beside it, since each signal names one of them$/],
    [{ capiScenarios: undefined }, /^report: needs capiScenarios/],
    [
      { capiMachineId: machineId, capiPassword: 'p', capiPasswordFile: '/x' },
      /capiPassword and capiPasswordFile: both/,
    ],
  ])('%j', (options, expected) => {
    expect(() => parseOptions({ ...on, ...options })).toThrow(expected)
  })
})

it('says which options have no effect without report', () => {
  expect(parseOptions({ ...key, reportWindow: '5m', reportScenario: 'a/b' }).notices).toEqual([
    'reportScenario, reportWindow: not used, because report is not on',
  ])
  expect(parseOptions({ ...key, reportMaxSignals: 5, reportMaxAge: '1d' }).notices).toEqual([
    'reportMaxSignals, reportMaxAge: not used, because report is not on',
  ])
  expect(parseOptions({ ...on, reportWindow: '5m' }).notices).toEqual([])
})

it('a file: nested or flat, the storage relative to it, the password from another', async () => {
  const folder = temporaryDirectory()
  const file = join(folder, 'bouncer.yaml')
  writeFileSync(join(folder, 'password'), 'pass-word\n')
  writeFileSync(
    file,
    `api_key: k\nreport: true\nreport_context: path\ncapi:\n  scenarios: [me/x]\n  machine_id: ${machineId}\n  password_file: password\n  storage: sqlite:data/x.db\n`,
  )
  const { bouncer } = await loadConfiguration({ file, env: {} })
  const options = parseOptions(bouncer)
  expect(options.capiStorage.reveal()).toBe(`sqlite:${join(folder, 'data/x.db')}`)
  expect(options.capiPassword?.reveal()).toBe('pass-word')
  expect(options).toMatchObject({ report: true, reportContext: ['path'], capiScenarios: ['me/x'], notices: [] })
})
