/** The fake's Go durations: forms seen on the wire, and that printing and reading undo each other. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { formatGoDuration, parseGoDuration, roundToSeconds } from '../../src/testing/go-duration.js'

it.each<[number, string]>([
  [0, '0s'],
  [0.000001, '1ns'],
  [0.000512, '512ns'],
  [0.0123, '12.3µs'],
  [999.5, '999.5ms'],
  [476.047152, '476.047152ms'],
  [1000, '1s'],
  [1980, '1.98s'],
  [60_000, '1m0s'],
  [3_605_000, '1h0m5s'],
  [14_400_000, '4h0m0s'],
  [-160.211255, '-160.211255ms'],
  [-326_540.5, '-5m26.5405s'],
  [315_359_999_900, '87599h59m59.9s'],
  [59_999.9999999, '1m0s'],
])('%d ms is %s', (ms, text) => {
  expect(formatGoDuration(ms)).toBe(text)
})

it.each<[string, number]>([
  ['90m', 5_400_000],
  ['0.5h', 1_800_000],
  ['1h30m15s', 5_415_000],
  ['-1h', -3_600_000],
  ['+1.5s', 1500],
  ['0', 0],
  ['5us', 0.005],
  ['5µs', 0.005],
  ['5μs', 0.005],
  ['.5s', 500],
  ['1.s', 1000],
])('reads %s', (text, ms) => {
  expect(parseGoDuration(text)).toBeCloseTo(ms, 9)
})

it.each(['', '1d', '3600', '1h ', 'h', '-', '1h-5m', '1,5s', '.s', ' 1s'])('refuses %j', (text) => {
  expect(() => parseGoDuration(text)).toThrow(RangeError)
})

it.each([
  [499, 0],
  [500, 1000],
  [-500, -1000],
  [-499, -0],
  [1500, 2000],
])('rounds %d to %d', (ms, rounded) => {
  expect(roundToSeconds(ms)).toBe(rounded)
})

it('reads what it prints', () => {
  fc.assert(
    fc.property(fc.integer({ min: -4e15, max: 4e15 }), (nanos) => {
      expect(Math.round(parseGoDuration(formatGoDuration(nanos / 1e6)) * 1e6)).toBe(nanos)
    }),
  )
})
