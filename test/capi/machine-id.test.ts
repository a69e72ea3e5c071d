/** Machine ids and passwords: what the Python SDK 0.7.0 gave for the same keys, and what CAPI demands of random ones. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { generateMachineId, type MachineIdOptions, randomMachineId } from '../../src/capi/machines/machine-id.js'
import { generatePassword } from '../../src/capi/machines/password.js'

const FULL = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' // of "test"

describe('generateMachineId', () => {
  const fromSdk: readonly (readonly [key: string | number, options: MachineIdOptions, id: string])[] = [
    ['myMachineKeyIdentifier', {}, 'f48425cde667a094c7f18b61fd708e6e71508729540065f9'],
    ['myMachine1', {}, 'ecad21d7fcd0dcc42a6d43989795dc90d85df63206d02a53'],
    ['myMachine2', {}, '25d772faca96a3c7ed2f851717001af3edd34f03839030f2'],
    ['test', {}, '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c'],
    ['1.2.3.4', {}, '6694f83c9f476da31f5df6bcc520034e7e57d421d247b9d3'],
    ['2001:db8::1', {}, '5afd19e856d1c18d17d600dfd2b5f534992333985e126c2a'],
    ['myMachineKeyIdentifier', { prefix: 'mycompany' }, 'mycompany63c60a53d5eb072529f98295f8801887c430f1b670f7ddfc'],
    ['<key>', { prefix: 'mycompany' }, 'mycompanye4e62cea3f4e2d2613514ec3a026ec74cf067fb0d7352b65'],
    ['b', { prefix: 'a' }, 'afb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d'],
    ['ab', {}, 'fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d'],
    ['test', { prefix: 'p', length: 47 }, 'p7e5c5112cc0732b8cfa4a101e5cd2302aaceff9a4e995fc'],
    ['test', { length: 16 }, '9f86d081884c7d65'],
    ['test', { length: 64 }, FULL],
    ['test', { length: 100 }, FULL],
    ['test', { length: 0 }, ''],
    ['test', { length: -1 }, FULL.slice(0, 63)],
    ['test', { length: -64 }, ''],
    ['test', { prefix: 'my-company_' }, 'my-company_0edc1f3dd73ab6e577b967aa977bda1ed9ec0d9e7e1c0bc2'],
    ['h\u00e9llo', {}, '3c48591d8d098a4538f5e013dfcf406e948eac4d3277b10b'],
    ['he\u0301llo', {}, 'd4628fd683d6ef149eee16b2f5f8780402b2b2fb1e1a1603'],
    ['日本語', {}, '77710aedc74ecfa33685e33a6c7df5cc83004da1bdcef7fb'],
    ['\u{1F600}', {}, 'f0443a342c5ef54783a111b51ba56c938e474c32324d90c3'],
    ['a b\n', {}, '01186fcf04b4b447f393e552964c08c7b419c1ad7a25c342'],
    [' test', {}, 'eeb282539220fa206a1f16e69bfa9811c9dc8944bf0f04f9'],
    ['x'.repeat(10_000), {}, 'e4ee97ec252749d2096447e849628d0d7734f51700416eef'],
    [42, {}, '73475cb40a568e8da8a045ced110137e159f890ac4da883b'],
  ]

  it.each(fromSdk)('gives for %.40s %j what the SDK gives', (key, options, id) => {
    expect(generateMachineId(key, options)).toBe(id)
  })

  it('takes numbers as the text that they are', () => {
    expect(generateMachineId(42n)).toBe(generateMachineId('42'))
    expect(generateMachineId(-0)).toBe(generateMachineId('0'))
  })

  it.each([
    ['\ud800', {}],
    ['key \udc00 key', {}],
    ['', {}],
    ['', { prefix: 'web' }],
    [undefined as unknown as string, {}],
    [null as unknown as string, {}],
    [{} as unknown as string, {}],
    ['key', { prefix: '\ud83d' }],
    ['\ude00', { prefix: '\ud83d' }], // two halves that only together are a character
  ] as const)('refuses what is no key, and lone surrogates: %j %j', (key, options) => {
    expect(() => generateMachineId(key, options)).toThrow(expect.objectContaining({ code: 'ERR_CSB_CONFIG' }))
  })

  it.each([
    [{ prefix: 'mycompany', total: 'whole' }, 'mycompany63c60a53d5eb072529f98295f8801887c430f1b'],
    [{ total: 'whole' }, 'f48425cde667a094c7f18b61fd708e6e71508729540065f9'],
    [
      { prefix: 'p'.repeat(32), total: 'whole' },
      `${'p'.repeat(32)}${generateMachineId('myMachineKeyIdentifier', { prefix: 'p'.repeat(32) }).slice(32, 48)}`,
    ],
  ] as const)('keeps the whole at 48 where asked to: %j', (options, id) => {
    expect(generateMachineId('myMachineKeyIdentifier', options)).toBe(id)
  })

  it.each<[unknown, string]>([
    [{ length: Number.NaN }, 'machine id: expected a length that is a whole number from -64 on, got NaN'],
    [{ length: null }, 'machine id: expected a length that is a whole number from -64 on, got null'],
    [{ length: 1.5 }, 'machine id: expected a length that is a whole number from -64 on, got 1.5'],
    [{ length: '48' }, 'machine id: expected a length that is a whole number from -64 on, got a text'],
    [{ length: Number.POSITIVE_INFINITY }, 'got Infinity'],
    [{ length: -65 }, 'got -65'],
    [{ prefix: null }, 'machine id: expected a prefix that is a text, got null'],
    [{ prefix: 7 }, 'machine id: expected a prefix that is a text, got 7'],
    [{ total: 'all' }, 'machine id: expected a total of hash or whole, got a text'],
    [null, 'machine id: expected options, got null'],
    [
      { prefix: 'p'.repeat(33), total: 'whole' },
      'machine id: expected a prefix that leaves 16 characters of the hash at least, got one that leaves 15 of 48',
    ],
    [{ prefix: 'p'.repeat(48), total: 'whole' }, 'leaves 0 of 48'],
    [{ prefix: 'p'.repeat(50), total: 'whole' }, 'leaves 0 of 48'],
    [{ prefix: 'p', length: -49, total: 'whole' }, 'leaves 15 of 16'],
    [{ length: 15, total: 'whole' }, 'leaves 15 of 15'],
  ])('refuses options that give other keys the same id: %j', (options, message) => {
    expect(() => generateMachineId('test', options as MachineIdOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_CONFIG', message: expect.stringContaining(message) }),
    )
  })
})

describe('randomMachineId', () => {
  it('is what a login demands, and another each time', () => {
    const ids = Array.from({ length: 500 }, () => randomMachineId())
    expect(ids.every((id) => /^[a-z0-9]{48}$/.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(500)
    expect(new Set(ids.join('')).size).toBe(36)
  })

  it('keeps a prefix, and 48 in all', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9]{0,48}$/), (prefix) => {
        const id = randomMachineId(prefix)
        return id.length === 48 && id.startsWith(prefix)
      }),
    )
  })

  it.each(['p'.repeat(49), 'my-company', 'é', ' '])('refuses the prefix %j', (prefix) => {
    expect(() => randomMachineId(prefix)).toThrow(expect.objectContaining({ code: 'ERR_CSB_CONFIG' }))
  })
})

describe('generatePassword', () => {
  it('has 43 characters of base64url, and another each time', () => {
    const passwords = Array.from({ length: 200 }, generatePassword)
    expect(passwords.every((password) => /^[A-Za-z0-9_-]{43}$/.test(password))).toBe(true)
    expect(new Set(passwords).size).toBe(200)
  })
})
