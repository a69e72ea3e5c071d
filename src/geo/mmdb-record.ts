/** Reads a country or an AS number out of an MMDB record, as the usual makers of such databases lay them out. */

/**
 * ISO code. Of MaxMind's three countries the order of CrowdSec's own enricher counts (`enrich_geoip.go`): where the address is, where it
 * is registered, whom it represents. IPinfo writes the code itself under `country_code` or `country`.
 */
export function countryIn(record: object): string | undefined {
  for (const name of ['country', 'registered_country', 'represented_country']) {
    const code = textAt(at(record, name), 'iso_code')
    if (code !== undefined) return code
  }
  return textAt(record, 'country_code') ?? textAt(record, 'country')
}

/** Digits alone. MaxMind and DB-IP have a number under `autonomous_system_number`, IPinfo `AS64500` under `asn`. */
export function asNumberIn(record: object): string | undefined {
  const number = at(record, 'autonomous_system_number')
  if (typeof number === 'number') return String(number)
  return textAt(record, 'asn')?.replace(/^AS/i, '')
}

function at(record: unknown, name: string): unknown {
  return typeof record === 'object' && record !== null ? Reflect.get(record, name) : undefined
}

function textAt(record: unknown, name: string): string | undefined {
  const value = at(record, name)
  return typeof value === 'string' && value !== '' ? value : undefined
}
