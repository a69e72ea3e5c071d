/** What flags of the commands about CAPI take, from the text that was typed. */

import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../../config/kinds/duration.js'

/** A whole number from 1 on. */
export function count(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number, 1 or more')
}

/** The same, and no more than `most`. */
export function countUpTo(most: number): (text: string) => number {
  return (text) => {
    const number = count(text)
    if (number <= most) return number
    throw new InvalidArgumentError(`expected a whole number, ${most} at most`)
  }
}

/** Milliseconds. */
export function duration(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds !== null) return milliseconds
  throw new InvalidArgumentError('expected a duration such as 7d or 1h30m')
}

/** For flags that may be repeated. */
export function collected(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
