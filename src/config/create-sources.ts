/** From options to sources: the LAPI where there is a key, else the file where there is one, and the user's own. */

import { LapiClient } from '../lapi/lapi-client.js'
import { FileSource } from '../sources/file-source.js'
import { LapiStreamSource } from '../sources/lapi-stream-source.js'
import type { Source } from '../sources/source.js'
import { USER_AGENT } from '../version.js'
import type { ResolvedOptions } from './parse-options.js'

export function createSources(options: ResolvedOptions): readonly Source[] {
  const sources = [...options.sources]
  if (options.decisionsFile !== null)
    sources.push(new FileSource({ path: options.decisionsFile, logger: options.logger }))
  if (options.apiKey !== null) sources.push(createLapiSource(options, options.apiKey.reveal()))
  return sources
}

function createLapiSource(options: ResolvedOptions, apiKey: string): Source {
  const { apiUrl, scopes, origins, scenariosContaining, scenariosNotContaining } = options
  return new LapiStreamSource({
    name: 'lapi',
    client: new LapiClient({ apiUrl, apiKey, userAgent: USER_AGENT }),
    filter: { scopes, origins, scenariosContaining, scenariosNotContaining },
    updateFrequency: options.streamUpdateFrequency,
    resyncInterval: options.resyncInterval,
    fullPullTimeout: options.fullPullTimeout,
    deltaPullTimeout: options.deltaPullTimeout,
    logger: options.logger,
  })
}
