import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Backoff } from '../../src/http/backoff.js'

it('doubles up to its limit, with jitter of at most half', () => {
  const times = fc.integer({ min: 1, max: 100_000 })
  fc.assert(
    fc.property(times, times, fc.integer({ min: 1, max: 80 }), (first, longest, failures) => {
      const backoff = new Backoff(first, longest)
      for (let i = 0; i < failures; i++) {
        const step = Math.min(first * 2 ** i, Math.max(first, longest))
        const wait = backoff.next()
        expect(wait).toBeGreaterThanOrEqual(step / 2)
        expect(wait).toBeLessThanOrEqual(step)
      }
      backoff.reset()
      expect(backoff.next()).toBeLessThanOrEqual(first)
    }),
  )
})

it('does not wait equally long in two clients', () => {
  const waits = Array.from({ length: 20 }, () => new Backoff(1000, 60_000).next())
  expect(new Set(waits).size).toBeGreaterThan(10)
})
