/** From options to what knows where an address is; null where nobody asks. */

import type { GeoResolver } from '../../geo/geo-resolver.js'
import { MmdbResolver } from '../../geo/mmdb-resolver.js'
import { atOnce } from '../../remediation/user-function.js'
import { messageOf } from '../../thrown.js'
import type { ResolvedOptions } from '../parse-options.js'

type WarnOnce = (code: string, message: string) => void

export function createGeoResolver(options: ResolvedOptions, warnOnce: WarnOnce): GeoResolver | null {
  const { geoResolver, geoipCountryFile: countryFile, geoipAsnFile: asnFile, logger } = options
  if (geoResolver !== undefined) return guarded(geoResolver, warnOnce)
  return countryFile === undefined && asnFile === undefined ? null : new MmdbResolver({ countryFile, asnFile, logger })
}

/** One of the user's own must not stop a verdict: what it throws counts as not known, and so does a promise. */
function guarded(resolver: GeoResolver, warnOnce: WarnOnce): GeoResolver {
  return {
    locate(address) {
      try {
        return atOnce(resolver.locate(address)) ?? null
      } catch (error) {
        warnOnce('CSB_GEO_RESOLVER', `geoResolver failed, so the place of a visitor is not known: ${messageOf(error)}`)
        return null
      }
    },
  }
}
