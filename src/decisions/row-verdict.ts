/** The verdict on an address that a decision matches: the row copied at the moment of the check, told as a Decision on demand. */

import { inspect } from 'node:util'
import type { AddressWords } from '../net/address.js'
import { clearHostBits, formatPrefix, type Prefix } from '../net/prefix.js'
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
  // The address that was judged: its leading bits are the decision's, so that the row's own address need not be read.
  private readonly word0: number
  private readonly word1: number
  private readonly word2: number
  private readonly word3: number
  private readonly text: row.RowText | undefined
  private readonly clock: MonotonicClock
  private made: Decision | null = null

  constructor(store: DecisionStore, slot: number, address: AddressWords) {
    const { rows, labels } = store
    const page = rows.pageOf(slot)
    const at = rows.offsetOf(slot)
    const typeAndOrigin = page[at + row.LABELS]
    this.action = labels.types.textOf(typeAndOrigin >>> 16)
    this.origin = labels.origins.textOf(typeAndOrigin & 0xffff)
    this.scenario = labels.scenarios.textOf(page[at + row.SCENARIO])
    this.shape = page[at + row.SHAPE]
    this.expires = page[at + row.EXPIRES]
    this.idLow = page[at + row.ID_LOW]
    this.idHigh = page[at + row.ID_HIGH]
    this.word0 = address[0]
    this.word1 = address[1]
    this.word2 = address[2]
    this.word3 = address[3]
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

  /** For `console.log`, which would show the row. */
  [inspect.custom](): Verdict {
    return this.toJSON()
  }

  private make(): Decision {
    return {
      id: (this.shape & row.HAS_ID) === 0 ? null : joinId(this.idLow, this.idHigh),
      origin: this.origin,
      type: this.action,
      scope: this.text?.scope ?? ((this.shape & row.IS_RANGE_SCOPE) === 0 ? 'Ip' : 'Range'),
      value: this.text?.value ?? formatPrefix(this.prefix()),
      scenario: this.scenario,
      until: this.formatUntil(),
    }
  }

  private prefix(): Prefix {
    const words = Int32Array.of(this.word0, this.word1, this.word2, this.word3)
    const family = (this.shape & row.IS_IPV6) === 0 ? 4 : 6
    const prefix: Prefix = { family, length: (this.shape >>> 8) & 0xff, words }
    clearHostBits(prefix)
    return prefix
  }

  private formatUntil(): string {
    const remaining = (this.expires >>> 0) * TICK - this.clock()
    return new Date(Date.now() + remaining).toISOString()
  }
}
