/** What of an answer may be shown in a message: little, and no secret that the answer holds or repeats. */

import { quoted } from '../../quoted.js'

const LONGEST_SHOWN = 120

/** A JWT, or a piece of one: the encoded `{"`, then more. */
const jwt = /eyJ[\w-]{8,}(?:\.[\w-]*)*/g

/** Links to blocklists are signed. A slash may be escaped in JSON. */
const link = /https?:(?:\\?\/){2}[^\s"'<>]*/gi

/** The beginning of an answer, quoted, without `secrets`, tokens and links. */
export function answerExcerpt(text: string, secrets: readonly string[]): string {
  let shown = text
  for (const secret of secrets) {
    for (const written of new Set([secret, JSON.stringify(secret).slice(1, -1)])) {
      if (written !== '') shown = shown.replaceAll(written, '[hidden]')
    }
  }
  shown = shown.replace(jwt, '[token]').replace(link, '[link]').trim()
  return quoted(shown, LONGEST_SHOWN)
}
