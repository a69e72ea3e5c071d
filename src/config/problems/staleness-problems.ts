/** Whether `maxStaleness` leaves time for the next sync: else all is stale between any two of them, though nothing has failed. */

import { longestPullPause } from '../../sources/capi-source.js'
import type { OptionName } from '../options/options.js'

export interface StalenessValues {
  readonly maxStaleness?: number | undefined
  readonly mode: string
  readonly apiKey?: object | undefined
  readonly tlsCertFile?: string | undefined
  readonly lapis: readonly object[]
  readonly streamUpdateFrequency: number
  readonly capiPull: boolean
  readonly capiPullInterval: number
}

/** Sentences, none where all is well. `nameOf`: how an option was written. */
export function stalenessProblems(values: StalenessValues, nameOf: (option: OptionName) => string): readonly string[] {
  const { maxStaleness } = values
  if (maxStaleness === undefined) return []
  return pauses(values)
    .filter(({ longest }) => maxStaleness <= longest)
    .map(({ option, longest, why }) => {
      const [written, interval] = [nameOf('maxStaleness'), nameOf(option)]
      return `${written}: expected more than ${seconds(longest)}, which is ${interval}${why}, got ${seconds(maxStaleness)}`
    })
}

interface Pause {
  readonly option: OptionName
  /** Milliseconds between two syncs, where all goes well. */
  readonly longest: number
  readonly why: string
}

function pauses(values: StalenessValues): readonly Pause[] {
  const { mode, apiKey, tlsCertFile, lapis, streamUpdateFrequency, capiPull, capiPullInterval } = values
  const isStreaming = mode === 'stream' || mode === 'hybrid'
  const hasLapi = apiKey !== undefined || tlsCertFile !== undefined || lapis.length > 0
  const stream: Pause = { option: 'streamUpdateFrequency', longest: streamUpdateFrequency, why: '' }
  const capi: Pause = {
    option: 'capiPullInterval',
    longest: longestPullPause(capiPullInterval),
    why: ' and what it may be longer by',
  }
  return [...(isStreaming && hasLapi ? [stream] : []), ...(capiPull ? [capi] : [])]
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000}s`
}
