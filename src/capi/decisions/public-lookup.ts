/**
 * Looks up names like the system does, but lets nobody connect where one of the addresses is private. What is
 * checked is what is connected to, so a name that changes its address between a check and the connect gains nothing.
 */

import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { CapiError } from '../capi-error.js'

/** `lookup`: what asks in place of the system. */
export function publicLookup(
  isPrivate: (address: string) => boolean,
  lookup: LookupFunction = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const addresses = Array.isArray(address) ? address.map((one) => one.address) : [address]
      if (error !== null || !addresses.some(isPrivate)) callback(error, address, family)
      else callback(privateAddress(hostname), [])
    })
  }
}

/** The refusal of a host by name or literal address. */
export function privateAddress(host: string): CapiError {
  return new CapiError(
    'ERR_CSB_CAPI_LINK',
    `${host} is an address of a private network, which links of CAPI must not point to (capi_allow_private_links)`,
  )
}
