/** From options to what knows where an address is; null where nobody asks. */

import type { GeoResolver } from '../../geo/geo-resolver.js'
import { MmdbResolver } from '../../geo/mmdb-resolver.js'
import type { ResolvedOptions } from '../parse-options.js'

export function createGeoResolver(options: ResolvedOptions): GeoResolver | null {
  const { geoResolver, geoipCountryFile: countryFile, geoipAsnFile: asnFile, logger } = options
  if (geoResolver !== undefined) return geoResolver
  return countryFile === undefined && asnFile === undefined ? null : new MmdbResolver({ countryFile, asnFile, logger })
}
