import { afterEach, expect, it, vi } from 'vitest'
import { parseRetryAfter } from '../../src/http/retry-after.js'

afterEach(() => vi.useRealTimers())

const day = 24 * 60 * 60 * 1000

it.each([
  [undefined, undefined],
  ['', undefined],
  ['  ', undefined],
  ['0', 0],
  ['7', 7000],
  [' 7 ', 7000],
  ['007', 7000],
  ['86400', day],
  ['86401', day],
  ['9'.repeat(400), day],
  ['-1', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  [['7', '8'], undefined],
  ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ['Fri, 01 Jan 2027 12:00:00 GMT', day],
])('%s', (header, milliseconds) => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1, 12) })
  expect(parseRetryAfter(header)).toBe(milliseconds)
})
