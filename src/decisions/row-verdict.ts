/** The verdict on an address that a decision matches: the row copied at the moment of the check, told as a Decision on demand. */

import { createPrefix, formatPrefix, type Prefix } from '../net/prefix.js'
import { type MonotonicClock, TICK } from './clock.js'
import type { Decision, FoundVerdict, Verdict } from './decision.js'
import { joinId } from './decision-id.js'
import * as row from './decision-rows.js'
import type { DecisionStore } from './decision-store.js'

/**
 * Copying costs a few words now, since rows are reused when decisions go; making texts and dates out of them costs more than
 * the check itself, so it waits until someone reads `decision`.
 */
export class RowVerdict implements FoundVerdict {
  readonly action: string
  readonly origin: string
  readonly scenario: string
  private readonly shape: number
  private readonly expires: number
  private readonly idLow: number
  private readonly idHigh: number
  private readonly ipv4: number
  private readonly ipv6: Prefix | null = null
  private readonly text: row.RowText | undefined
  private readonly clock: MonotonicClock
  private made: Decision | null = null

  constructor(store: DecisionStore, slot: number) {
    const { rows, labels } = store
    this.action = labels.typeOf(slot)
    this.origin = labels.originOf(slot)
    this.scenario = labels.scenarioOf(slot)
    this.shape = rows.get(slot, row.SHAPE)
    this.expires = rows.get(slot, row.EXPIRES)
    this.idLow = rows.get(slot, row.ID_LOW)
    this.idHigh = rows.get(slot, row.ID_HIGH)
    this.ipv4 = rows.get(slot, row.ADDRESS)
    if ((this.shape & row.IS_IPV6) !== 0) {
      this.ipv6 = createPrefix()
      rows.readPrefix(slot, this.ipv6)
    }
    this.text = (this.shape & row.HAS_TEXT) === 0 ? undefined : rows.textOf(slot)
    this.clock = store.clock
  }

  get decision(): Decision {
    this.made ??= this.make()
    return this.made
  }

  withAction(action: string): Verdict {
    return { action, decision: this.decision }
  }

  toJSON(): Verdict {
    return { action: this.action, decision: this.decision }
  }

  private make(): Decision {
    return {
      id: (this.shape & row.HAS_ID) === 0 ? null : joinId(this.idLow, this.idHigh),
      origin: this.origin,
      type: this.action,
      scope: this.text?.scope ?? ((this.shape & row.IS_RANGE_SCOPE) === 0 ? 'Ip' : 'Range'),
      value: this.text?.value ?? formatPrefix(this.ipv6 ?? this.ipv4Prefix()),
      scenario: this.scenario,
      until: this.formatUntil(),
    }
  }

  private ipv4Prefix(): Prefix {
    return { family: 4, length: (this.shape >>> 8) & 0xff, words: Int32Array.of(this.ipv4) }
  }

  private formatUntil(): string {
    const remaining = (this.expires >>> 0) * TICK - this.clock()
    return new Date(Date.now() + remaining).toISOString()
  }
}
