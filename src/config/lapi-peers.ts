/** The LAPIs that the options name. */

import type { Secret } from './kinds/secret.js'
import type { ResolvedOptions } from './parse-options.js'

/** One LAPI, and who we are to it. */
export interface LapiPeer {
  readonly name: string
  readonly apiUrl: string
  /** Null: it knows us by our certificate. */
  readonly apiKey: Secret | null
  /** For questions about single addresses; null: the same as for everything else. */
  readonly liveApiKey: Secret | null
}

export function lapiPeers(options: ResolvedOptions): readonly LapiPeer[] {
  if (options.lapis.length > 0) return options.lapis.map((one) => ({ ...one, liveApiKey: one.liveApiKey ?? null }))
  const { apiUrl, apiKey, liveApiKey = null, tlsCertFile } = options
  return apiKey === null && tlsCertFile === undefined ? [] : [{ name: 'lapi', apiUrl, apiKey, liveApiKey }]
}
