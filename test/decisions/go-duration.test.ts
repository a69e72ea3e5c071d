/** Go durations: a table of what LAPIs send and of what is malformed, and a slow exact twin on random text. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseGoDuration } from '../../src/decisions/go-duration.js'

describe('parseGoDuration', () => {
  it.each([
    // What LAPIs send: rounded since 1.6.3, to the nanosecond before.
    ['4h0m0s', 14_400_000],
    ['59m3s', 3_543_000],
    ['12s', 12_000],
    ['0s', 0],
    ['-1s', -1000],
    ['-18897h25m53s', -68_030_753_000],
    ['1h0m5s', 3_605_000],
    ['3h51m57.363171728s', 13_917_363.171728],
    ['87599h59m59.9s', 315_359_999_900],
    ['-5m26.5s', -326_500],
    ['1.98s', 1980],
    ['999.5ms', 999.5],
    ['-160.211255ms', -160.211255],
    ['12.3µs', 0.0123],
    ['512ns', 0.000512],
    // What Go accepts beyond that.
    ['0', 0],
    ['+0', 0],
    ['-0', 0],
    ['-0s', 0],
    ['+1h', 3_600_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['1.5h', 5_400_000],
    ['12.3us', 0.0123],
    ['12.3\u00b5s', 0.0123],
    ['12.3\u03bcs', 0.0123],
    ['1s1s', 2000],
    ['1ns1h', 3_600_000.000001],
    ['1m1ms', 60_001],
    ['0.9ns', 0],
    ['0.100000000000000000000h', 360_000],
    ['00001s', 1000],
    // The edges of 64 bits; a double holds these to two microseconds.
    ['2562047h47m16.854775807s', 9_223_372_036_854.775],
    ['-2562047h47m16.854775808s', -9_223_372_036_854.775],
    ['9223372036854775807ns', 9_223_372_036_854.775],
    ['9223372036854775us', 9_223_372_036_854.775],
    ['9223372036854ms', 9_223_372_036_854],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(parseGoDuration(text)).toBe(milliseconds)
  })

  it.each([
    '',
    '+',
    '-',
    '.',
    '.s',
    '-.s',
    's',
    'h',
    '1',
    '00',
    '0.0',
    '1h30',
    '1h.',
    '1h0',
    '--1h',
    '+-1h',
    '1h-5m',
    '1d',
    '1w',
    '1H',
    '1S',
    ' 1h',
    '1h ',
    '1 h',
    '1..5s',
    '1.5.5s',
    '1,5s',
    '1e3s',
    '0x1s',
    '1u',
    '1µ',
    '1n',
    '1sms',
    '1mss',
    '١s',
    'NaN',
    'Infinity',
    'null',
    '2562047h47m16.854775808s',
    '-2562047h47m16.854775809s',
    '2562047h47m17s',
    '2562048h',
    '9223372036854775808ns',
    '9223372036854776us',
    '999999999999999999999999999999ns',
    `${'9'.repeat(400)}h`,
  ])('refuses %j', (text) => {
    expect(parseGoDuration(text)).toBeUndefined()
  })

  it('equals exact arithmetic on random components', () => {
    const component = fc.tuple(
      fc.oneof(fc.nat(120).map(String), fc.bigInt(0n, 1n << 64n).map(String), fc.constant('')),
      fc.oneof(fc.constant(''), fc.constant('.'), fc.stringMatching(/^\.[0-9]{1,15}$/)),
      fc.constantFrom('ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h', 'd', ''),
    )
    const text = fc
      .tuple(fc.constantFrom('', '', '', '-', '+', '--'), fc.array(component, { maxLength: 4 }))
      .map(([sign, parts]) => sign + parts.map((part) => part.join('')).join(''))
    fc.assert(fc.property(text, agreesWithOracle), { numRuns: 5000 })
  })

  it('equals exact arithmetic on random text of the same letters', () => {
    const letters = fc.constantFrom(...'0123456789..-+nuµμmsh dx'.split(''))
    fc.assert(fc.property(fc.string({ unit: letters, maxLength: 8 }), agreesWithOracle), { numRuns: 20_000 })
  })
})

function agreesWithOracle(text: string): void {
  const expected = oracle(text)
  const actual = parseGoDuration(text)
  if (expected === undefined || actual === undefined) expect(actual).toBe(expected)
  // One nanosecond of cutting per component, and what a double holds of the sum.
  else expect(Math.abs(actual - expected)).toBeLessThanOrEqual(4e-6 + Math.abs(expected) * Number.EPSILON)
}

const UNITS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}

/** The same by a regular expression and big integers. */
function oracle(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0
  if (!/^[+-]?((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined
  let nanos = 0n
  for (const [, whole = '', fraction = '', name = ''] of text.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const unit = UNITS[name] ?? 0n
    nanos += BigInt(whole || '0') * unit + (BigInt(fraction || '0') * unit) / 10n ** BigInt(fraction.length)
  }
  const negative = text.startsWith('-')
  if (nanos > (1n << 63n) - (negative ? 0n : 1n)) return undefined
  return (Number(nanos) / 1e6) * (negative ? -1 : 1)
}
