/** Why a decision is not taken, and what of that its fields show by themselves. */

import { LONGEST_TEXT } from './text-limits.js'
import type { WireDecision } from './wire-decision.js'

/** `over`: its duration is zero or less, which is normal. */
export type SkipReason = 'missing_field' | 'bad_duration' | 'bad_value' | 'too_long' | 'over' | 'limit'

/** Checks what typed code cannot: a user's source and a LAPI's JSON may hold anything. */
export function findProblem(decision: WireDecision): 'missing_field' | 'too_long' | null {
  const { type, scope, value, duration, origin } = decision
  for (const text of [type, scope, value, duration]) {
    if (typeof text !== 'string' || text === '') return 'missing_field'
    if (text.length > LONGEST_TEXT) return 'too_long'
  }
  return typeof origin === 'string' && origin.length > LONGEST_TEXT ? 'too_long' : null
}
