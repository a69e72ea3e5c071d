/** From options to what asks for decisions: LAPIs where there is a key, else the file where there is one, and the user's own. */

import type { Severity } from '../../decisions/severity.js'
import { BouncerError } from '../../errors.js'
import { KeyClaim } from '../../lapi/key-claim.js'
import type { StreamFilter } from '../../lapi/lapi-client.js'
import { UsageReporter, type UsageReporterOptions } from '../../metrics/usage-reporter.js'
import { FileSource } from '../../sources/file-source.js'
import { LapiStreamSource } from '../../sources/lapi-stream-source.js'
import { LiveQuery } from '../../sources/live-query.js'
import type { Source } from '../../sources/source.js'
import { USER_AGENT } from '../../version.js'
import { type LapiPeer, lapiPeers } from '../lapi-peers.js'
import type { ResolvedOptions } from '../parse-options.js'
import { createLapiClient } from './create-lapi-client.js'

type Warn = (code: string, message: string) => void

type UsageParts = Pick<UsageReporterOptions, 'counts' | 'activeDecisions' | 'onError'>

/** Throws `ERR_CSB_CONFIG` if two share a name, and `ERR_CSB_TLS`. `warn` hears of a key that another process uses. */
export function createSources(options: ResolvedOptions, warn: Warn, more: readonly Source[] = []): readonly Source[] {
  const { decisionsFile, mode, logger } = options
  const files = decisionsFile === null ? [] : [new FileSource({ path: decisionsFile, logger })]
  const peers = mode === 'stream' || mode === 'hybrid' ? lapiPeers(options) : []
  const names = [...options.sources, ...files, ...peers, ...more].map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new BouncerError('ERR_CSB_CONFIG', `two sources are named ${JSON.stringify(twice)}; names tell them apart`)
  }
  return [...options.sources, ...files, ...peers.map((peer) => createStreamSource(options, peer, warn)), ...more]
}

/** What asks the LAPIs about single addresses, where the mode says so. `onTrouble` hears of failures, now and then. */
export function createLiveQuery(
  options: ResolvedOptions,
  severity: Severity,
  onTrouble: (error: Error) => void,
): LiveQuery | null {
  const { mode, cacheSize, cacheExpiration, lapiTimeout: timeout, logger } = options
  const peers = mode === 'live' || mode === 'hybrid' ? lapiPeers(options) : []
  if (peers.length === 0) return null
  const clients = peers.map((peer) => {
    const apiKey = mode === 'hybrid' ? (peer.liveApiKey ?? peer.apiKey) : peer.apiKey
    return createLapiClient(options, { ...peer, apiKey })
  })
  const filter = filterOf(options)
  return new LiveQuery({ clients, filter, severity, cacheSize, cacheExpiration, timeout, logger, onTrouble })
}

/** What tells the LAPI (of several the first) what was done; null where there is no LAPI or it must not be told. */
export function createUsageReporter(options: ResolvedOptions, parts: UsageParts): UsageReporter | null {
  const { usageMetricsInterval: interval, logger } = options
  const [peer] = interval === 0 ? [] : lapiPeers(options)
  if (peer === undefined) return null
  const client = createLapiClient(options, peer)
  return new UsageReporter({ ...parts, client, interval, logger, userAgent: USER_AGENT })
}

/** Each source has a file of its own; where there are several, its name is added to `snapshotFile`. Null where none is kept. */
export function snapshotPlace(
  { snapshotFile, snapshotInterval }: ResolvedOptions,
  source: string,
  sourceCount: number,
) {
  if (snapshotFile === undefined) return null
  const path = sourceCount === 1 ? snapshotFile : `${snapshotFile}.${encodeURIComponent(source)}`
  return { path, interval: snapshotInterval }
}

function createStreamSource(options: ResolvedOptions, peer: LapiPeer, warn: Warn): Source {
  return new LapiStreamSource({
    name: peer.name,
    client: createLapiClient(options, peer),
    filter: filterOf(options),
    updateFrequency: options.streamUpdateFrequency,
    resyncInterval: options.resyncInterval,
    fullPullTimeout: options.fullPullTimeout,
    deltaPullTimeout: options.deltaPullTimeout,
    logger: options.logger,
    claim: claimOf(peer, warn),
  })
}

/** A LAPI that knows us by a certificate counts for each address, too, but which certificate is one is not for us to say. */
function claimOf({ name, apiUrl, apiKey }: LapiPeer, warn: Warn): KeyClaim | undefined {
  if (apiKey === null) return undefined
  const onShared = () =>
    warn(
      'CSB_SHARED_KEY',
      `Another process on this machine pulls from ${name} with the same api_key, so that each change of the decisions reaches only one of the two; give each its own key (\`cscli bouncers add\`)`,
    )
  return new KeyClaim({ apiUrl, apiKey: apiKey.reveal(), onShared })
}

/** Whoever looks up where addresses are wants the decisions on that. */
function filterOf(options: ResolvedOptions): StreamFilter {
  const { origins, scenariosContaining, scenariosNotContaining, geoResolver, geoipCountryFile, geoipAsnFile } = options
  const scopes = [...options.scopes]
  const want = (scope: string) => {
    if (!scopes.some((one) => one.toLowerCase() === scope)) scopes.push(scope)
  }
  if (geoResolver !== undefined || geoipCountryFile !== undefined) want('country')
  if (geoResolver !== undefined || geoipAsnFile !== undefined) want('as')
  return { scopes, origins, scenariosContaining, scenariosNotContaining }
}
