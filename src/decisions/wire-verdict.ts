/** The verdict that a decision gives as it came over the wire, without ever having been in a store. */

import { inspect } from 'node:util'
import type { Decision, FoundVerdict, Verdict } from './decision.js'
import { parseGoDuration } from './go-duration.js'
import { canonicalScope } from './scope.js'
import type { WireDecision } from './wire-decision.js'

export class WireVerdict implements FoundVerdict {
  readonly action: string
  readonly origin: string
  readonly scenario: string
  readonly decision: Decision

  constructor({ id, origin, type, scope, value, scenario, duration }: WireDecision) {
    const until = new Date(Date.now() + (parseGoDuration(duration) ?? 0)).toISOString()
    this.action = type
    this.origin = origin
    this.scenario = scenario
    this.decision = { id: id ?? null, origin, type, scope: canonicalScope(scope), value, scenario, until }
  }

  withAction(action: string): Verdict {
    return { action, decision: this.decision }
  }

  toJSON(): Verdict {
    return this.withAction(this.action)
  }

  /** For `console.log`: the same as of a verdict out of a store. */
  [inspect.custom](): Verdict {
    return this.toJSON()
  }
}
