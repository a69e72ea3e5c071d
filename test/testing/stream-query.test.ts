/** The windows of the fake's stream: whoever applies its deltas by id holds what is active, whatever happened between the pulls. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DecisionTable } from '../../src/testing/decision-table.js'
import { type BodyShape, lapiTraits } from '../../src/testing/lapi-version.js'
import { MovableClock } from '../../src/testing/movable-clock.js'
import { selectStream } from '../../src/testing/stream-query.js'

type Event =
  | { readonly kind: 'add'; readonly value: string; readonly type: string; readonly ms: number }
  | { readonly kind: 'delete'; readonly value: string }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'pull' }

const value = fc.constantFrom('1.1.1.1', '1.1.1.2', '1.1.1.3')
const type = fc.constantFrom('ban', 'captcha')
const ms = fc.integer({ min: 0, max: 9000 })
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), value, type, ms }),
  fc.record({ kind: fc.constant('delete' as const), value }),
  fc.record({ kind: fc.constant('advance' as const), ms }),
  fc.constant({ kind: 'pull' as const }),
)

it.each<BodyShape>(['1.4.6', '1.7.8'])(
  '%s: deltas without deduplication keep a store by id equal to the active set',
  (shape) => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const clock = new MovableClock(() => 0)
        const table = new DecisionTable()
        const query = new URLSearchParams('dedup=false')
        const held = new Set<number>()
        let lastPull = clock.tick()
        for (const step of [...events, { kind: 'pull' } as const]) {
          if (step.kind === 'add') table.add({ value: step.value, type: step.type, duration: step.ms }, clock.tick())
          if (step.kind === 'delete') table.expire({ value: step.value }, clock.tick())
          if (step.kind === 'advance') clock.advance(step.ms)
          if (step.kind !== 'pull') continue
          let now = clock.tick()
          // In the very instant of its end a row is neither active nor deleted (all versions): not the instant to compare.
          while ([...table.rows()].some((row) => row.until === now)) now = clock.tick()
          const delta = selectStream(table, query, lapiTraits[shape], now, lastPull)
          lastPull = now
          for (const row of delta.deleted) held.delete(row.id)
          for (const row of delta.new) held.add(row.id)
          const active = [...table.rows()].filter((row) => row.until > now).map((row) => row.id)
          expect([...held].sort((a, b) => a - b)).toEqual(active)
        }
      }),
    )
  },
)

it.each<BodyShape>(['1.4.6', '1.7.8'])('%s: deduplication keeps the longest of each value, type and scope', (shape) => {
  const added = fc.record({
    value,
    type,
    duration: fc.integer({ min: 1, max: 4 }),
    origin: fc.constantFrom('cscli', 'lists'),
  })
  fc.assert(
    fc.property(fc.array(added, { maxLength: 20 }), fc.constantFrom('', 'cscli', 'lists'), (decisions, origins) => {
      const table = new DecisionTable()
      for (const decision of decisions) table.add({ ...decision, duration: decision.duration * 1000 }, 0)
      const query = new URLSearchParams(origins === '' ? 'startup=true' : { startup: 'true', origins })
      const got = selectStream(table, query, lapiTraits[shape], 1, null).new.map((row) => row.id)
      const rows = [...table.rows()]
      const longest = rows
        .filter((row) =>
          rows.every((other) => other.value !== row.value || other.type !== row.type || other.until <= row.until),
        )
        .filter((row) => origins === '' || row.origin === origins)
      const firsts = longest.filter(
        (row) => !longest.some((other) => other.id < row.id && other.value === row.value && other.type === row.type),
      )
      const expected = shape === '1.4.6' ? firsts : longest
      expect([...got].sort((a, b) => a - b)).toEqual(expected.map((row) => row.id))
    }),
  )
})
