/** One place from which options come (code, a file, the environment), read but not yet judged. */

import { infoOf, type OptionName, optionNames } from '../options/options.js'
import { optionSpelled, type Spelling, unknownKey } from './spelling.js'

/** A value as it stands in its layer. */
export interface GivenValue {
  readonly value: unknown
  /** How the user wrote the key, and where. */
  readonly written: string
  /** What a relative path in the value is relative to. */
  readonly directory: string
  /** Whether `${VAR}` in the value stands for an environment variable. */
  readonly variables: 'substituted' | 'literal'
}

export interface Layer {
  readonly given: ReadonlyMap<OptionName, GivenValue>
  /** What was wrong before any value was looked at: unknown keys. */
  readonly problems: readonly string[]
}

/** How a layer reads its entries. */
export interface LayerKind {
  readonly spelling: Spelling
  readonly places: readonly ('everywhere' | 'code' | 'service')[]
  readonly directory: string
  readonly variables: GivenValue['variables']
  /** Follows a key in messages: ` in FILE`, or nothing. */
  readonly where: string
}

/** Sorts entries into known options and problems. An absent value (`undefined`) is as good as none. */
export function readLayer(entries: Iterable<readonly [string, unknown]>, kind: LayerKind): Layer {
  const options = optionNames.filter((name) => kind.places.includes(infoOf(name).place))
  const given = new Map<OptionName, GivenValue>()
  const problems: string[] = []
  for (const [key, value] of entries) {
    if (value === undefined) continue
    const written = `${key}${kind.where}`
    const option = optionSpelled(key, kind.spelling, options)
    if (option === null) problems.push(`${written}: ${unknownKey(key, kind.spelling, options)}`)
    else given.set(option, { value, written, directory: kind.directory, variables: kind.variables })
  }
  return { given, problems }
}
