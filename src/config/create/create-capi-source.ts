/** From options to CAPI as a source of decisions, and to the allowlists that it fills; null where it is not asked. */

import type { CapiApi } from '../../capi/api/capi-api.js'
import { LinkedLists } from '../../capi/decisions/linked-lists.js'
import type { TokenHolder } from '../../capi/machines/machines.js'
import { CapiSource } from '../../sources/capi-source.js'
import { type AllowlistTarget, LinkedAllowlists } from '../../sources/linked-allowlists.js'
import { USER_AGENT } from '../../version.js'
import type { ResolvedOptions } from '../parse-options.js'

export interface CapiSourceParts {
  readonly api: Pick<CapiApi, 'decisions' | 'target'>
  readonly machines: TokenHolder
  readonly machineId: string
  readonly allowlists: AllowlistTarget
}

export function createCapiSource(options: ResolvedOptions, parts: CapiSourceParts): CapiSource {
  const { capiPullInterval, capiCommunityPull, capiAdditionalPull, capiAllowPrivateLinks, logger } = options
  const lists = new LinkedLists({
    userAgent: USER_AGENT,
    allowPrivateLinks: capiAllowPrivateLinks,
    // A CAPI that is asked without TLS is one for tests, or one's own behind something that ends TLS.
    allowHttp: capiAllowPrivateLinks || !options.capiUrl.startsWith('https:'),
  })
  return new CapiSource({
    ...parts,
    lists,
    pullInterval: capiPullInterval,
    communityPull: capiCommunityPull,
    additionalPull: capiAdditionalPull,
    logger,
  })
}

/**
 * Kept beside the snapshots of the sources: without it, a restart while CAPI is down would block who is on an allowlist. The name
 * has a sign that no source's file has, since a source may be named `allowlists`.
 */
export function createLinkedAllowlists(options: ResolvedOptions): LinkedAllowlists | null {
  const { capiPull, capiAdditionalPull, capiUrl, capiMachineId, snapshotFile, snapshotInterval, logger } = options
  if (!capiPull || !capiAdditionalPull) return null
  const snapshot =
    snapshotFile === undefined ? null : { path: `${snapshotFile}+allowlists`, interval: snapshotInterval }
  return new LinkedAllowlists({ logger, snapshot, settings: JSON.stringify([capiUrl, capiMachineId ?? '']) })
}
