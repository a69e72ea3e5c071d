/** From the lines of a linked list to decisions or entries of an allowlist; bad lines are counted and left out. */

import type { BlocklistLink } from '../capi/decisions/capi-decisions.js'
import type { ListText } from '../capi/decisions/list-text.js'
import { TargetReader } from '../decisions/target.js'
import { LONGEST_TEXT } from '../decisions/text-limits.js'
import type { WireDecision } from '../decisions/wire-decision.js'
import { parseJson } from '../json/parse-json.js'
import { quoted } from '../quoted.js'
import { TimeSlice } from '../time-slice.js'
import type { AllowlistEntry } from './linked-allowlists.js'
import { unusableList } from './unusable-list.js'

const LINES_BETWEEN_LOOKS_AT_THE_CLOCK = 64

export class ListReading {
  good = 0
  bad = 0
  /** The first bad line, cut to what a message can show. */
  firstBad = ''
  readonly #text: ListText
  readonly #targets = new TargetReader()

  constructor(text: ListText) {
    this.#text = text
  }

  *decisions({ name, scope, remediation, duration }: BlocklistLink): Generator<WireDecision> {
    const rest = { origin: 'lists', type: remediation || 'ban', scope, duration, scenario: name }
    for (const [number, line] of this.#text.lines()) {
      const value = valueOn(line)
      if (this.#isTarget(scope, value)) {
        this.good++
        yield { ...rest, value }
      } else this.#noteBad(number, line)
    }
  }

  /** `now`: Unix milliseconds. An entry that is over is good, and left out. */
  *entries(now: number): Generator<AllowlistEntry> {
    for (const [number, line] of this.#text.lines()) {
      const entry = readEntry(line, now)
      if (entry !== null && this.#isTarget('Ip', entry.value)) {
        this.good++
        if (entry.duration === null || entry.duration > 0) yield entry
      } else this.#noteBad(number, line)
    }
  }

  /** Reads as far as the first entry of a blocklist, if there is one. */
  async seekEntry(scope: string): Promise<void> {
    const slice = new TimeSlice()
    for (const [number, line] of this.#text.lines()) {
      if (this.#isTarget(scope, valueOn(line))) {
        this.good++
        return
      }
      this.#noteBad(number, line)
      if (number % LINES_BETWEEN_LOOKS_AT_THE_CLOCK === 0 && slice.isOver()) await slice.rest()
    }
  }

  /** Throws `ERR_CSB_CAPI_LINK` where all lines read are bad: what came is no list, but perhaps the page of a portal. */
  requireEntry(name: string): void {
    const { good, bad, firstBad } = this
    if (good === 0 && bad > 0) throw unusableList(name, `not one of its ${bad} lines is an entry; ${firstBad}`)
  }

  #isTarget(scope: string, value: string): boolean {
    return value.length <= LONGEST_TEXT && this.#targets.read(scope, value) !== null
  }

  #noteBad(number: number, line: string): void {
    if (this.bad === 0) this.firstBad = `line ${number}: ${quoted(line)}`
    this.bad++
  }
}

/** Without a comment behind it. */
function valueOn(line: string): string {
  return line.includes('#') ? line.replace(/\s#.*$/, '').trimEnd() : line
}

function readEntry(line: string, now: number): AllowlistEntry | null {
  const document = parseJson(line)
  if (typeof document !== 'object' || document === null || !('value' in document)) return null
  const { value } = document
  if (typeof value !== 'string') return null
  const expiration = 'expiration' in document ? document.expiration : null
  // Go writes the zero time, which is in the year 1, for a time that is not set.
  if (expiration === null || expiration === undefined || expiration === '' || /^0001-/.test(String(expiration))) {
    return { value, duration: null }
  }
  const end = typeof expiration === 'string' ? Date.parse(expiration) : Number.NaN
  return Number.isNaN(end) ? null : { value, duration: end - now }
}
