/** Who a signal is about, in the names of our code; and the same as it travels. */

import type { SignalSource } from './signal.js'

/** What is known beside the address. */
export interface SourceDetails {
  readonly ip?: string | undefined
  /** CIDR. */
  readonly range?: string | undefined
  /** Digits. */
  readonly asNumber?: string | undefined
  readonly asName?: string | undefined
  /** ISO 3166 country code. */
  readonly country?: string | undefined
  /** Degrees north. */
  readonly latitude?: number | undefined
  /** Degrees east. */
  readonly longitude?: number | undefined
}

export interface SourceProperties extends SourceDetails {
  /** Default `ip`. */
  readonly scope?: string | undefined
  readonly value: string
}

/** Their names, to tell them from what is none. */
export const SOURCE_NAMES = Object.keys({
  scope: true,
  value: true,
  ip: true,
  range: true,
  asNumber: true,
  asName: true,
  country: true,
  latitude: true,
  longitude: true,
} satisfies Record<keyof SourceProperties, true>)

export function wireSource({
  scope = 'ip',
  value,
  asNumber,
  asName,
  country,
  ...rest
}: SourceProperties): SignalSource {
  return { ...rest, scope, value, as_number: asNumber, as_name: asName, cn: country }
}
