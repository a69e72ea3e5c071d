/** Options about countries and AS numbers. */

import { z } from 'zod'
import { geoResolverShape } from '../kinds/code-kinds.js'
import { filePath } from '../kinds/option-kinds.js'
import { aPath, codeOnly, optionInfo } from './option-info.js'

export const geoOptions = z.strictObject({
  geoipCountryFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of an MMDB file, such as GeoLite2-Country.mmdb',
    meaning:
      'Where the country of an address is looked up, for decisions on countries. Needs the package `maxmind`. Read again when replaced. Adds `country` to `scopes`.',
  }),
  geoipAsnFile: filePath.optional().register(optionInfo, {
    ...aPath,
    accepts: 'the path of an MMDB file, such as GeoLite2-ASN.mmdb',
    meaning: 'The same for AS numbers. Adds `as` to `scopes`.',
  }),
  geoResolver: geoResolverShape.optional().register(optionInfo, {
    ...codeOnly,
    accepts: 'an object with a method `locate` that returns `{ country, as }` of an address',
    meaning: 'Looks up countries and AS numbers in your own way, in place of the files. Adds both to `scopes`.',
  }),
})
