/** The verdict on an address that a decision matches: the row copied at the moment of the check, told as a Decision on demand. */

import { createPrefix, formatPrefix } from '../net/prefix.js'
import { type MonotonicClock, TICK } from './clock.js'
import type { Decision, Verdict } from './decision.js'
import { joinId } from './decision-id.js'
import * as row from './decision-rows.js'
import type { DecisionStore } from './decision-store.js'

/**
 * Copying costs a few words now, since rows are reused when decisions go; making texts and dates out of them costs more than
 * the check itself, so it waits until someone reads `decision`.
 */
export class RowVerdict implements Verdict {
  readonly action: string
  readonly origin: string
  readonly scenario: string
  private readonly shape: number
  private readonly expires: number
  private readonly idLow: number
  private readonly idHigh: number
  private readonly ipv4: number
  private readonly ipv6: Int32Array | null
  private readonly text: row.RowText | undefined
  private readonly clock: MonotonicClock
  private made: Decision | null = null

  constructor(store: DecisionStore, slot: number) {
    const { rows } = store
    const labels = rows.get(slot, row.LABELS)
    const shape = rows.get(slot, row.SHAPE)
    this.action = store.types.textOf(labels >>> 16)
    this.origin = store.origins.textOf(labels & 0xffff)
    this.scenario = store.scenarios.textOf(rows.get(slot, row.SCENARIO))
    this.shape = shape
    this.expires = rows.get(slot, row.EXPIRES)
    this.idLow = rows.get(slot, row.ID_LOW)
    this.idHigh = rows.get(slot, row.ID_HIGH)
    this.ipv4 = rows.get(slot, row.ADDRESS)
    this.clock = store.clock
    this.ipv6 = null
    this.text = undefined
    if ((shape & row.IS_IPV6) !== 0) {
      this.ipv6 = new Int32Array(4)
      rows.readAddress(slot, this.ipv6)
    }
    if ((shape & row.HAS_TEXT) !== 0) this.text = rows.textOf(slot)
  }

  get decision(): Decision {
    if (this.made === null) this.made = this.make()
    return this.made
  }

  toJSON(): Verdict {
    return { action: this.action, decision: this.decision }
  }

  private make(): Decision {
    const { shape } = this
    return {
      id: (shape & row.HAS_ID) === 0 ? null : joinId(this.idLow, this.idHigh),
      origin: this.origin,
      type: this.action,
      scope:
        (shape & row.IS_TEXT_TARGET) !== 0
          ? (this.text?.scope ?? '')
          : (shape & row.IS_RANGE_SCOPE) !== 0
            ? 'Range'
            : 'Ip',
      value: this.text === undefined ? this.formatValue() : this.text.value,
      scenario: this.scenario,
      until: this.formatUntil(),
    }
  }

  private formatValue(): string {
    const prefix = createPrefix()
    prefix.family = this.ipv6 === null ? 4 : 6
    prefix.length = (this.shape >>> 8) & 0xff
    if (this.ipv6 === null) prefix.words[0] = this.ipv4
    else prefix.words.set(this.ipv6)
    return formatPrefix(prefix)
  }

  private formatUntil(): string {
    const remaining = (this.expires >>> 0) * TICK - this.clock()
    return new Date(Date.now() + remaining).toISOString()
  }
}
