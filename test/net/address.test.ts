import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { createAddressWords, formatAddress, isAddress, parseAddress } from '../../src/net/address.js'
import { oracleText } from '../oracle/linear-matcher.js'

/** `npm run fuzz` sets more. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 20_000)

/** What we read, written canonically; null if refused. */
function read(text: string): string | null {
  const words = createAddressWords()
  const family = parseAddress(text, words)
  return family === 0 ? null : formatAddress(family, words)
}

describe('parseAddress', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['1.2.3.4', '1.2.3.4'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:0:0:0:2', '2001:db8::2'],
    ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['::ffff:5.6.7.8', '5.6.7.8'],
    ['::FFFF:0506:0708', '5.6.7.8'],
    ['0:0:0:0:0:ffff:5.6.7.8', '5.6.7.8'],
    ['::5.6.7.8', '::506:708'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::%1', 'fe80::'],
    ['::ffff:1.2.3.4%br-lan.7', '1.2.3.4'],
  ])('%s is %s', (text, canonical) => {
    expect(read(text)).toBe(canonical)
  })

  test.each([
    '', ' ', '1', '1.2.3', '1.2.3.', '.1.2.3', '1..2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.004', '01.2.3.4', '00.0.0.0',
    ' 1.2.3.4', '1.2.3.4 ', '1.2.3.4:80', '1.2.3.4%eth0', '1.2.3.4/32', '-1.2.3.4', '1.2.3.a', '0x1.2.3.4', '１.2.3.4',
    ':', ':::', ':1', '1:', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', '1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8',
    '12345::', '::g', '[::1]', '[::1]:80', '::1 ', 'fe80::1%', 'fe80::1%a%b', 'fe80::1%a b', '%eth0', 'fe80:%eth0',
    '::1.2.3', '::1.2.3.4.5', '::1.2.3.4:5', '1.2.3.4::', '::01.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', '::abc.1.1.1',
    'localhost', 'undefined', '2001:db8::/32',
  ])('refuses %j', (text) => {
    expect(isAddress(text)).toBe(false)
  }) // biome-ignore format: a table

  it('agrees with the oracle and with node:net on texts that look like addresses', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      '9',
      '25',
      '255',
      '256',
      '00',
      'a',
      'F',
      'ffff',
      '12345',
      '.',
      ':',
      '::',
      '%',
      'e0',
    )
    const close = fc.array(piece, { maxLength: 18 }).map((pieces) => pieces.join(''))
    const octets = fc
      .array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 5 })
      .map((all) => all.join('.'))
    const text = fc.oneof(close, octets, fc.ipV4(), fc.ipV6(), fc.string())
    fc.assert(
      fc.property(text, (value) => {
        expect(read(value)).toBe(oracleText(value))
        if (!value.includes('%')) expect(isAddress(value)).toBe(isIP(value) !== 0)
      }),
      { numRuns: RUNS },
    )
  }, 3_600_000)
})
