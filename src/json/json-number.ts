/** The grammar of a JSON number, byte by byte. */

import { DOT, isDigit, LOWER_E, MINUS, PLUS, UPPER_E, ZERO } from './json-bytes.js'
import { JsonMismatch } from './json-mismatch.js'

// Where it stands: after the part named.
export const AFTER_MINUS = 10
export const AFTER_ZERO = 11
export const AFTER_WHOLE = 12
const AFTER_POINT = 13
const AFTER_FRACTION = 14
const AFTER_E = 15
const AFTER_E_SIGN = 16
const AFTER_EXPONENT = 17

/** The byte is no part of the number, which ended before it. */
export const NUMBER_IS_OVER = 0

/** Where it stands after `byte`, which is at `at`. Throws JsonMismatch. */
export function numberStateAfter(state: number, byte: number, at: number): number {
  const digit = isDigit(byte)
  switch (state) {
    case AFTER_MINUS:
      if (!digit) throw new JsonMismatch('a digit', at)
      return byte === ZERO ? AFTER_ZERO : AFTER_WHOLE
    case AFTER_POINT:
      if (!digit) throw new JsonMismatch('a digit', at)
      return AFTER_FRACTION
    case AFTER_E:
      if (byte === PLUS || byte === MINUS) return AFTER_E_SIGN
      if (!digit) throw new JsonMismatch('a digit or a sign', at)
      return AFTER_EXPONENT
    case AFTER_E_SIGN:
      if (!digit) throw new JsonMismatch('a digit', at)
      return AFTER_EXPONENT
    default: // AFTER_ZERO, AFTER_WHOLE, AFTER_FRACTION, AFTER_EXPONENT: the number may end here
      if (digit && state !== AFTER_ZERO) return state
      if (byte === DOT && (state === AFTER_ZERO || state === AFTER_WHOLE)) return AFTER_POINT
      return (byte === LOWER_E || byte === UPPER_E) && state !== AFTER_EXPONENT ? AFTER_E : NUMBER_IS_OVER
  }
}
