/** The text of a JSON string, from the bytes between its quotes. The bytes have been validated before. */

import { BACKSLASH, LOWER_U, PLAIN_BYTE } from './json-bytes.js'

/** So many bytes hold `length` UTF-16 units of any JSON string: six bytes for each \uXXXX, and one escape cut in two. */
export function jsonBytesFor(length: number): number {
  return 6 * (length + 1)
}

/**
 * The text as JSON.parse gives it (lone surrogates stay, malformed UTF-8 becomes U+FFFD), cut to `limit` UTF-16 units.
 * Bytes after the first `jsonBytesFor(limit)` do not count and may be missing. The string never pins `bytes`.
 */
export function decodeJsonString(bytes: Buffer, from: number, to: number, limit: number): string {
  if (to - from > jsonBytesFor(limit)) to = lastEscapeBoundary(bytes, from, from + jsonBytesFor(limit))
  let plain = from
  while (plain < to && PLAIN_BYTE[bytes[plain]] === 1) plain++
  if (plain === to) return plainText(bytes, from, to, limit)
  const text: string = JSON.parse(`"${bytes.toString('utf8', from, to)}"`)
  // A slice of a string keeps the whole string alive; this copies the part.
  return text.length > limit ? Buffer.from(text.slice(0, limit), 'utf16le').toString('utf16le') : text
}

/** The same for bytes that are known to be plain ASCII without escapes: in the hot path, where they have just been scanned. */
export function plainText(bytes: Buffer, from: number, to: number, limit: number): string {
  return bytes.toString('latin1', from, to - from > limit ? from + limit : to)
}

/** The last index up to `to` that is not within an escape. */
function lastEscapeBoundary(bytes: Buffer, from: number, to: number): number {
  let at = from
  for (;;) {
    const step = bytes[at] !== BACKSLASH ? 1 : bytes[at + 1] === LOWER_U ? 6 : 2
    if (at + step > to) return at
    at += step
  }
}
