/** The bytes that mean something in JSON, by name, and the classes of bytes that its grammar tells apart. */

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d
export const OPEN_BRACKET = 0x5b
export const CLOSE_BRACKET = 0x5d
export const MINUS = 0x2d
export const PLUS = 0x2b
export const DOT = 0x2e
export const ZERO = 0x30
export const NINE = 0x39
export const UPPER_E = 0x45
export const LOWER_E = 0x65
export const LOWER_F = 0x66
export const LOWER_N = 0x6e
export const LOWER_T = 0x74
export const LOWER_U = 0x75

/**
 * 1 for the bytes that may stand within a string by themselves: all but `"`, `\` and control characters. A part of a
 * UTF-8 sequence, whole or broken, is never one of those.
 */
export const STRING_BYTE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)

/** 1 for those of them that are ASCII: a string of only such bytes is its own text. */
export const PLAIN_BYTE = STRING_BYTE.map((stands, byte) => (byte < 0x80 ? stands : 0))

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}

/** True for the four bytes that JSON takes as white space. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
