/** What is wrong with options about pulling from CAPI only when they are seen together. */

import type { OptionName } from '../options/options.js'

export interface PullValues {
  readonly capiPull: boolean
  readonly capiCommunityPull: boolean
  readonly capiAdditionalPull: boolean
}

/** Sentences, none where all is well. `nameOf`: how an option was written. */
export function pullProblems(values: PullValues, nameOf: (option: OptionName) => string): readonly string[] {
  const { capiPull, capiCommunityPull, capiAdditionalPull } = values
  if (!capiPull || capiCommunityPull || capiAdditionalPull) return []
  const [community, additional] = [nameOf('capiCommunityPull'), nameOf('capiAdditionalPull')]
  return [`${nameOf('capiPull')}: there is nothing to pull, since ${community} and ${additional} are both off`]
}
