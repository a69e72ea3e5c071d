/** How one option is spelled in code, in a file and in the environment, and which known name a typo was meant to be. */

import { isSameName, nearestName } from '../../nearest-name.js'
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

/** What a file may write as a block, and the options of which begin with it everywhere: `tls: { cert_file }`, `capi: { pull }`. */
export const blocks: readonly string[] = ['tls', 'capi']

/** Says that a key is unknown, and helps: the right spelling, the right place or the nearest name. */
export function unknownKey(key: string, spelling: Spelling, options: readonly OptionName[]): string {
  const own = key.replace(environmentPrefix, '')
  const block = aboutBlocks(own.toLowerCase(), spelling, options)
  if (block !== null) return `unknown option; did you mean ${block}?`
  const meant = nearestName(own, optionNames)
  if (meant !== null && options.includes(meant)) return `unknown option; did you mean ${spelling(meant)}?`
  if (meant !== null && isSameName(own, meant)) {
    return infoOf(meant).place === 'code'
      ? 'this option can only be given in code'
      : "this option belongs to the check service's configuration"
  }
  return 'unknown option'
}

/** `capi: true` in place of `capi: { pull: true }`, and `capi: { report: true }` in place of `report: true`. */
function aboutBlocks(own: string, spelling: Spelling, options: readonly OptionName[]): string | null {
  for (const block of blocks) {
    const within = options.filter((option) => inFile(option).startsWith(`${block}_`)).map(spelling)
    if (own === block) return `one of ${within.join(', ')}`
    const outside = options.find((option) => isSameName(own, block + option))
    if (outside !== undefined) return `${spelling(outside)}, without ${block} before it`
  }
  return null
}
