/** What functions of the user's return, checked: whoever wrote them may have no types to warn him. */

import { isThenable } from '../thenable.js'

/** Throws a `TypeError` for a promise, which must then not end the process by rejecting unheard. */
export function atOnce<Value>(value: Value): Value {
  if (!isThenable(value)) return value
  value.then(undefined, () => {})
  throw new TypeError('expected an answer at once, got a promise')
}

/**
 * The texts among what `identify` returned. What is unknown may be undefined or null. Everything else that is no text matches
 * nothing, and is told to `onGarbage`.
 */
export function readSubjects(
  value: unknown,
  onGarbage: (what: string) => void,
): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) {
    onGarbage(Array.isArray(value) ? 'a list' : `a ${typeof value}`)
    return undefined
  }
  const entries = Object.entries(value)
  for (const [scope, one] of entries) {
    if (typeof one !== 'string' && one !== undefined && one !== null) onGarbage(`a ${typeof one} as ${scope}`)
  }
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
