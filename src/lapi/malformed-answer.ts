/** The error about an answer that is no decision stream: what was expected, and the bytes that came. */

import { BouncerError } from '../errors.js'
import type { JsonMismatch } from '../json/json-mismatch.js'

/** `offset`: of `bytes` within the answer. `isFirst`: nothing before them made sense. */
export function malformedAnswer(
  mismatch: JsonMismatch,
  bytes: Uint8Array,
  { offset, isFirst }: { readonly offset: number; readonly isFirst: boolean },
): BouncerError {
  let came = ''
  for (const byte of bytes.subarray(mismatch.at, mismatch.at + 16)) {
    came += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  }
  const hint = isFirst && came.startsWith('<') ? '. It looks like HTML: does the URL lead to a LAPI?' : ''
  return new BouncerError(
    'ERR_CSB_LAPI_BODY',
    `The LAPI's answer is not a decision stream: at byte ${offset + mismatch.at} expected ${mismatch.message}, got "${came}"${hint}`,
  )
}
