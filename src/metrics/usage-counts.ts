/**
 * What a bouncer has done since it was made, as CrowdSec's usage metrics count it. The counts only grow; whoever reports them
 * remembers what he has reported, so that nothing is lost when a report does not arrive.
 */

import type { Family } from '../net/address.js'
import type { RequestCounts } from './request-counts.js'

export type IpType = 'ipv4' | 'ipv6'

/** Requests answered in the application's place. */
export interface DroppedCount {
  /** As `originLabel` gives it; empty where a failure policy decided. */
  readonly origin: string
  /** What was really done. */
  readonly remediation: string
  /** Null for what is no address. */
  readonly ipType: IpType | null
  count: number
}

/** Of the LAPI: longer labels are refused (422). */
const LONGEST_LABEL = 255

export class UsageCounts {
  readonly #requests: RequestCounts
  /** By what was done, then by origin, then by family. */
  readonly #dropped = new Map<string, Map<string, (DroppedCount | undefined)[]>>()

  constructor(requests: RequestCounts) {
    this.#requests = requests
  }

  /** Requests judged, those that were let pass included. */
  processed(ipType: IpType | null): number {
    return this.#requests.judged(familyOf(ipType))
  }

  countDropped(family: Family, origin: string, remediation: string): void {
    const entry = this.#dropped.get(remediation)?.get(origin)?.[family]
    if (entry !== undefined) entry.count++
    else this.#addDropped(family, origin, remediation)
  }

  /** One entry for each combination, always the same object. */
  *dropped(): Generator<Readonly<DroppedCount>> {
    for (const origins of this.#dropped.values()) {
      for (const families of origins.values()) yield* families.filter((entry) => entry !== undefined)
    }
  }

  #addDropped(family: Family, origin: string, remediation: string): void {
    const origins = this.#dropped.get(remediation) ?? new Map<string, (DroppedCount | undefined)[]>()
    const families = origins.get(origin) ?? []
    const labels = { origin: asLabel(origin), remediation: asLabel(remediation) }
    families[family] = { ...labels, ipType: ipTypeOf(family), count: 1 }
    this.#dropped.set(remediation, origins.set(origin, families))
  }
}

/** Text that the LAPI takes as a label. */
export function asLabel(text: string): string {
  return text.slice(0, LONGEST_LABEL)
}

function ipTypeOf(family: Family): IpType | null {
  if (family === 0) return null
  return family === 4 ? 'ipv4' : 'ipv6'
}

function familyOf(ipType: IpType | null): Family {
  if (ipType === null) return 0
  return ipType === 'ipv4' ? 4 : 6
}
