/** Durations of the configuration against sums of their parts. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDuration } from '../../src/config/kinds/duration.js'

test.each([
  ['10s', 10_000],
  ['1h30m', 5_400_000],
  ['1d', 86_400_000],
  ['500ms', 500],
  ['1.5h', 5_400_000],
  ['0.4ms', 0],
  ['1m1ms', 60_001],
  ['0s', 0],
])('%s is %d milliseconds', (text, expected) => {
  expect(parseDuration(text)).toBe(expected)
})

test.each([
  '',
  '10',
  's',
  '1',
  '-1s',
  '+1s',
  '1 s',
  '1S',
  '.5s',
  '1.s',
  '1us',
  '1w',
  '1h30',
  'h1',
  '1s;',
  '1e3s',
  '١s',
])('%j is none', (text) => {
  expect(parseDuration(text)).toBe(null)
})

test('every sequence of amounts and units is their sum', () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  const part = fc.tuple(fc.nat(10_000), fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const text = parts.map(([amount, unit]) => `${amount}${unit}`).join('')
      expect(parseDuration(text)).toBe(parts.reduce((sum, [amount, unit]) => sum + amount * units[unit], 0))
    }),
  )
})

test('long nonsense is refused in linear time', () => {
  const started = performance.now()
  expect(parseDuration(`${'1.1'.repeat(100_000)}x`)).toBe(null)
  expect(parseDuration(`${'1m'.repeat(100_000)}x`)).toBe(null)
  expect(performance.now() - started).toBeLessThan(2_000)
})
