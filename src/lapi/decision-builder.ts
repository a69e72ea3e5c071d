/**
 * Builds one WireDecision after another from the raw bytes of its fields.
 * Hot: texts of few kinds come out of a cache; only `value` and `duration` cost a new string each.
 */

import { LONGEST_SCENARIO, LONGEST_TEXT } from '../decisions/text-limits.js'
import type { WireDecision } from '../decisions/wire-decision.js'
import { decodeJsonString, plainText } from '../json/json-string.js'
import { ByteInterner } from './byte-interner.js'

/** A text that is too long is kept with exactly one unit more than allowed, so that the store can tell and refuse it. */
const TEXT_LIMIT = LONGEST_TEXT + 1
/** The longest integer that counts as an `id`: 64 bits. */
const MAX_ID_DIGITS = 20

/** The fields of a decision as small integers; `OTHER_FIELD` is any that we do not use. */
export const OTHER_FIELD = 0
export const ID = 1
const ORIGIN = 2
const TYPE = 3
const SCOPE = 4
const VALUE = 5
const DURATION = 6
const SCENARIO = 7
const NAMES = ['', 'id', 'origin', 'type', 'scope', 'value', 'duration', 'scenario']
const NAME_BYTES = NAMES.map((name) => Buffer.from(name))

export class DecisionBuilder {
  readonly #interner = new ByteInterner()
  #id: number | string | undefined
  #origin = ''
  #type = ''
  #scope = ''
  #value = ''
  #duration = ''
  #scenario = ''

  /** Begins a decision without any field. */
  begin(): void {
    this.#id = undefined
    this.#origin = this.#type = this.#scope = this.#value = this.#duration = this.#scenario = ''
  }

  build(): WireDecision {
    return {
      id: this.#id,
      origin: this.#origin,
      type: this.#type,
      scope: this.#scope,
      value: this.#value,
      duration: this.#duration,
      scenario: this.#scenario,
    }
  }

  setId(id: number | string | undefined): void {
    this.#id = id
  }

  /** Sets a field other than `id` from the bytes between the quotes of a JSON string. */
  setText(field: number, bytes: Buffer, from: number, to: number): void {
    switch (field) {
      case ORIGIN:
        this.#origin = this.#interner.intern(bytes, from, to, TEXT_LIMIT)
        break
      case TYPE:
        this.#type = this.#interner.intern(bytes, from, to, TEXT_LIMIT)
        break
      case SCOPE:
        this.#scope = this.#interner.intern(bytes, from, to, TEXT_LIMIT)
        break
      case SCENARIO:
        this.#scenario = this.#interner.intern(bytes, from, to, LONGEST_SCENARIO)
        break
      case VALUE:
        this.#value = decodeJsonString(bytes, from, to, TEXT_LIMIT)
        break
      case DURATION:
        this.#duration = decodeJsonString(bytes, from, to, TEXT_LIMIT)
        break
    }
  }

  /** `setText` of bytes that are known to be plain ASCII without escapes. */
  setPlainText(field: number, bytes: Buffer, from: number, to: number): void {
    if (field === VALUE) this.#value = plainText(bytes, from, to, TEXT_LIMIT)
    else if (field === DURATION) this.#duration = plainText(bytes, from, to, TEXT_LIMIT)
    else this.setText(field, bytes, from, to)
  }

  /** Takes a field back: of several with one name JSON.parse takes the last, and that one is of the wrong kind. */
  clear(field: number): void {
    if (field === ID) this.#id = undefined
    else this.setText(field, NAME_BYTES[OTHER_FIELD], 0, 0)
  }
}

/** The field of that name. */
export function fieldNamed(name: string): number {
  return Math.max(NAMES.indexOf(name), OTHER_FIELD)
}

/** The field whose name stands in `bytes` from `from` to `to`: picked by length and first byte, then compared. */
export function fieldAt(bytes: Buffer, from: number, to: number): number {
  const field = candidate(to - from, bytes[from])
  const name = NAME_BYTES[field]
  for (let index = 0; index < name.length; index++) if (bytes[from + index] !== name[index]) return OTHER_FIELD
  return field
}

function candidate(length: number, first: number): number {
  switch (length) {
    case 2:
      return ID
    case 4:
      return TYPE
    case 5:
      return first === 0x76 ? VALUE : SCOPE
    case 6:
      return ORIGIN
    case 8:
      return first === 0x64 ? DURATION : SCENARIO
    default:
      return OTHER_FIELD
  }
}

/** A JSON number as an id: a number where that is exact, else its digits. `undefined` where it is no integer >= 0. */
export function idOf(number: string): number | string | undefined {
  if (number.length > MAX_ID_DIGITS || !/^\d+$/.test(number)) return undefined
  const id = Number(number)
  return Number.isSafeInteger(id) ? id : number
}
