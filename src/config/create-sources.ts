/** From options to what asks for decisions: the LAPI where there is a key, else the file where there is one, and the user's own. */

import type { Severity } from '../decisions/severity.js'
import { LapiClient, type StreamFilter } from '../lapi/lapi-client.js'
import { FileSource } from '../sources/file-source.js'
import { LapiStreamSource } from '../sources/lapi-stream-source.js'
import { LiveQuery } from '../sources/live-query.js'
import type { Source } from '../sources/source.js'
import { USER_AGENT } from '../version.js'
import type { ResolvedOptions } from './parse-options.js'

export function createSources(options: ResolvedOptions): readonly Source[] {
  const sources = [...options.sources]
  if (options.decisionsFile !== null) {
    sources.push(new FileSource({ path: options.decisionsFile, logger: options.logger }))
  }
  const client = options.mode === 'stream' || options.mode === 'hybrid' ? createLapiClient(options) : null
  if (client !== null) sources.push(createStreamSource(options, client))
  return sources
}

/** What asks the LAPI about single addresses, where the mode says so. */
export function createLiveQuery(options: ResolvedOptions, severity: Severity): LiveQuery | null {
  const client = options.mode === 'live' || options.mode === 'hybrid' ? createLapiClient(options) : null
  if (client === null) return null
  const { cacheSize, cacheExpiration, lapiTimeout: timeout } = options
  return new LiveQuery({ client, severity, cacheSize, cacheExpiration, timeout })
}

function createLapiClient({ apiUrl, apiKey }: ResolvedOptions): LapiClient | null {
  return apiKey === null ? null : new LapiClient({ apiUrl, apiKey: apiKey.reveal(), userAgent: USER_AGENT })
}

function createStreamSource(options: ResolvedOptions, client: LapiClient): Source {
  return new LapiStreamSource({
    name: 'lapi',
    client,
    filter: filterOf(options),
    updateFrequency: options.streamUpdateFrequency,
    resyncInterval: options.resyncInterval,
    fullPullTimeout: options.fullPullTimeout,
    deltaPullTimeout: options.deltaPullTimeout,
    logger: options.logger,
  })
}

function filterOf({ scopes, origins, scenariosContaining, scenariosNotContaining }: ResolvedOptions): StreamFilter {
  return { scopes, origins, scenariosContaining, scenariosNotContaining }
}
