import { expect, test } from 'vitest'
import { spanText, timeText } from '../../src/cli/capi/span-text.js'

test.each([
  [-5, '0s'],
  [999, '0s'],
  [1_000, '1s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [61_000, '1m1s'],
  [3_600_000, '1h'],
  [3_601_000, '1h'],
  [11_520_000, '3h12m'],
  [86_400_000 * 2 + 3_600_000 * 4 + 59_000, '2d4h'],
])('%d ms is %s', (milliseconds, text) => {
  expect(spanText(milliseconds)).toBe(text)
})

test('a time is told in whole seconds', () => {
  expect(timeText(Date.UTC(2026, 0, 26, 10, 20, 46, 999))).toBe('2026-01-26T10:20:46Z')
})
