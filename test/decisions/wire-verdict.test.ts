import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { WireVerdict } from '../../src/decisions/wire-verdict.js'
import { decision } from '../source-of-decisions.js'

it('is shown as one out of a store is: with its action and its decision, and nothing else', () => {
  const verdict = new WireVerdict(decision({ id: 7 }))
  expect(inspect(verdict)).toBe(inspect({ action: 'ban', decision: verdict.decision }))
})
