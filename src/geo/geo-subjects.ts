/** What is known of a visitor, with where his address is added to it. */

import { canonicalAddress, isAddress } from '../net/address.js'
import type { GeoResolver } from './geo-resolver.js'

/** Scope to value, as a judge takes them. */
type Subjects = Readonly<Record<string, string>>

/** What the application says of a visitor itself goes before what his address says. */
export function withPlace(
  resolver: GeoResolver,
  address: string,
  subjects: Subjects | undefined,
): Subjects | undefined {
  if (typeof address !== 'string' || !isAddress(address)) return subjects
  const place = resolver.locate(canonicalAddress(address))
  if (place === null) return subjects
  const { country, as } = place
  const known: Record<string, string> = {}
  if (typeof country === 'string') known['Country'] = country
  if (typeof as === 'string') known['AS'] = as
  return { ...known, ...subjects }
}
