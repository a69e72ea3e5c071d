/** CAPI's grouped decisions one by one. */

import type { WireDecision } from '../../decisions/wire-decision.js'
import type { CapiDecisions } from './capi-decisions.js'

/**
 * Every new decision, in the order of the answer. All are bans, which v3 does not say; those of linked lists are not in the answer,
 * only the links are.
 */
export function* flatDecisions(decisions: Pick<CapiDecisions, 'new'>): Generator<WireDecision> {
  for (const group of decisions.new) {
    const { scenario, scope } = group
    for (const { value, duration } of group.decisions) {
      yield { origin: 'CAPI', type: 'ban', scope, value, duration, scenario }
    }
  }
}
