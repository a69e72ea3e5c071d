/**
 * Consumes one JSON value of any kind from bytes that arrive in pieces, and keeps nothing of it.
 * Accepts exactly what JSON.parse accepts, down to MAX_JSON_DEPTH containers within one another.
 */

import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isDigit,
  isSpace,
  LOWER_F,
  LOWER_N,
  LOWER_T,
  LOWER_U,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  STRING_BYTE,
  ZERO,
} from './json-bytes.js'
import { JsonMismatch } from './json-mismatch.js'
import { AFTER_MINUS, AFTER_WHOLE, AFTER_ZERO, NUMBER_IS_OVER, numberStateAfter } from './json-number.js'

/** How many objects and arrays may stand within one another. A bound on state, far above what a LAPI sends. */
export const MAX_JSON_DEPTH = 64

// Where it stands: between tokens, ...
const AT_VALUE = 0
const AT_FIRST_ELEMENT = 1
const AT_FIRST_KEY = 2
const AT_KEY = 3
const AT_COLON = 4
const AFTER_VALUE = 5
// ... or within a string or a literal.
const IN_STRING = 6
const IN_ESCAPE = 7
const IN_HEX = 8
const IN_LITERAL = 9
// Above that, within a number: the states of json-number.ts.

const IN_ARRAY = 1
const IN_OBJECT = 2

export class JsonSkipper {
  /** True once the value is complete. The end of a number is only known by the byte after it, which stays unread. */
  done = false
  #state = AT_VALUE
  #depth = 0
  readonly #containers = new Uint8Array(MAX_JSON_DEPTH + 1)
  #isKey = false
  #hexLeft = 0
  #literal = ''
  #literalAt = 0

  /** Makes ready for the next value. */
  begin(): void {
    this.done = false
    this.#state = AT_VALUE
    this.#depth = 0
    this.#isKey = false
  }

  /** Reads from `at`; returns the index of the first byte that it did not take. Throws JsonMismatch. */
  feed(bytes: Uint8Array, at: number, end: number): number {
    while (at < end && !this.done) {
      const state = this.#state
      if (state >= IN_STRING) at = this.#token(bytes, at, end, state)
      else if (isSpace(bytes[at])) at++
      else at = this.#between(bytes[at], at, state)
    }
    return at
  }

  #between(byte: number, at: number, state: number): number {
    switch (state) {
      case AT_FIRST_ELEMENT:
        if (byte === CLOSE_BRACKET) return this.#close(at)
        return this.#value(byte, at)
      case AT_VALUE:
        return this.#value(byte, at)
      case AT_FIRST_KEY:
        if (byte === CLOSE_BRACE) return this.#close(at)
        if (byte !== QUOTE) throw new JsonMismatch('a key in quotes or "}"', at)
        return this.#key(at)
      case AT_KEY:
        if (byte !== QUOTE) throw new JsonMismatch('a key in quotes', at)
        return this.#key(at)
      case AT_COLON:
        if (byte !== COLON) throw new JsonMismatch('":"', at)
        this.#state = AT_VALUE
        return at + 1
      default:
        return this.#afterValue(byte, at)
    }
  }

  #key(at: number): number {
    this.#isKey = true
    this.#state = IN_STRING
    return at + 1
  }

  #value(byte: number, at: number): number {
    switch (byte) {
      case QUOTE:
        this.#state = IN_STRING
        break
      case OPEN_BRACE:
        this.#open(IN_OBJECT, at)
        break
      case OPEN_BRACKET:
        this.#open(IN_ARRAY, at)
        break
      case MINUS:
        this.#state = AFTER_MINUS
        break
      case ZERO:
        this.#state = AFTER_ZERO
        break
      case LOWER_T:
        this.#startLiteral('true')
        break
      case LOWER_F:
        this.#startLiteral('false')
        break
      case LOWER_N:
        this.#startLiteral('null')
        break
      default:
        if (!isDigit(byte)) throw new JsonMismatch('a value', at)
        this.#state = AFTER_WHOLE
    }
    return at + 1
  }

  #afterValue(byte: number, at: number): number {
    const inObject = this.#containers[this.#depth] === IN_OBJECT
    if (byte === COMMA) {
      this.#state = inObject ? AT_KEY : AT_VALUE
      return at + 1
    }
    if (byte === (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) return this.#close(at)
    throw new JsonMismatch(inObject ? '"," or "}"' : '"," or "]"', at)
  }

  #open(container: number, at: number): void {
    if (this.#depth === MAX_JSON_DEPTH)
      throw new JsonMismatch(`at most ${MAX_JSON_DEPTH} containers in one another`, at)
    this.#containers[++this.#depth] = container
    this.#state = container === IN_OBJECT ? AT_FIRST_KEY : AT_FIRST_ELEMENT
  }

  #close(at: number): number {
    this.#depth--
    this.#endValue()
    return at + 1
  }

  #endValue(): void {
    this.#state = AFTER_VALUE
    this.done = this.#depth === 0
  }

  #startLiteral(literal: string): void {
    this.#state = IN_LITERAL
    this.#literal = literal
    this.#literalAt = 1
  }

  #token(bytes: Uint8Array, at: number, end: number, state: number): number {
    switch (state) {
      case IN_STRING:
        return this.#string(bytes, at, end)
      case IN_ESCAPE:
        return this.#escape(bytes[at], at)
      case IN_HEX:
        return this.#hex(bytes[at], at)
      case IN_LITERAL:
        return this.#literalByte(bytes[at], at)
      default:
        return this.#number(bytes[at], at, state)
    }
  }

  #string(bytes: Uint8Array, at: number, end: number): number {
    while (at < end && STRING_BYTE[bytes[at]] === 1) at++
    if (at === end) return at
    if (bytes[at] === BACKSLASH) this.#state = IN_ESCAPE
    else if (bytes[at] !== QUOTE) throw new JsonMismatch('a string without control characters', at)
    else if (this.#isKey) {
      this.#isKey = false
      this.#state = AT_COLON
    } else this.#endValue()
    return at + 1
  }

  #escape(byte: number, at: number): number {
    switch (byte) {
      case LOWER_U:
        this.#state = IN_HEX
        this.#hexLeft = 4
        return at + 1
      case QUOTE:
      case BACKSLASH:
      case 0x2f: // /
      case 0x62: // b
      case LOWER_F:
      case LOWER_N:
      case 0x72: // r
      case LOWER_T:
        this.#state = IN_STRING
        return at + 1
      default:
        throw new JsonMismatch('one of "\\/bfnrtu after a backslash', at)
    }
  }

  #hex(byte: number, at: number): number {
    const letter = byte | 0x20
    if (!(isDigit(byte) || (letter >= 0x61 && letter <= 0x66))) {
      throw new JsonMismatch('four hexadecimal digits after \\u', at)
    }
    if (--this.#hexLeft === 0) this.#state = IN_STRING
    return at + 1
  }

  #literalByte(byte: number, at: number): number {
    if (byte !== this.#literal.charCodeAt(this.#literalAt)) throw new JsonMismatch(`"${this.#literal}"`, at)
    if (++this.#literalAt === this.#literal.length) this.#endValue()
    return at + 1
  }

  #number(byte: number, at: number, state: number): number {
    const next = numberStateAfter(state, byte, at)
    if (next === NUMBER_IS_OVER) {
      this.#endValue()
      return at
    }
    this.#state = next
    return at + 1
  }
}
