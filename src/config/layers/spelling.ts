/** How one option is spelled in code, in a file and in the environment, and which known name a typo was meant to be. */

import { infoOf, type OptionName, optionNames } from '../options/options.js'

export const environmentPrefix = 'CROWDSEC_BOUNCER_'

/** A way of writing options, and how it spells each. */
export type Spelling = (option: OptionName) => string

export const inCode: Spelling = (option) => option
export const inFile: Spelling = (option) => option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
export const inEnvironment: Spelling = (option) => environmentPrefix + inFile(option).toUpperCase()

/** The option that a way of writing calls by this key. */
export function optionSpelled(key: string, spelling: Spelling, options: readonly OptionName[]): OptionName | null {
  return options.find((option) => spelling(option) === key) ?? null
}

/** Says that a key is unknown, and helps: the right spelling, the right place or the nearest name. */
export function unknownKey(key: string, spelling: Spelling, options: readonly OptionName[]): string {
  const meant = nearest(key, spelling)
  if (meant === null) return 'unknown option'
  if (options.includes(meant)) return `unknown option; did you mean ${spelling(meant)}?`
  if (distance(bare(key), bare(spelling(meant))) > 0) return 'unknown option'
  return infoOf(meant).place === 'code'
    ? 'this option can only be given in code'
    : "this option belongs to the check service's configuration"
}

// Case and underscores are what people mix up between code and file; they count for nothing.
function nearest(key: string, spelling: Spelling): OptionName | null {
  let best: OptionName | null = null
  let bestDistance = Math.floor(bare(key).length / 3) + 1
  for (const option of optionNames) {
    const changes = distance(bare(key), bare(spelling(option)))
    if (changes < bestDistance) {
      best = option
      bestDistance = changes
    }
  }
  return best
}

function bare(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, '').replace(bareEnvironmentPrefix, '')
}

const bareEnvironmentPrefix = /^crowdsecbouncer/

/** Levenshtein distance, row by row. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...to].entries()) {
      const substituted = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(substituted, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
