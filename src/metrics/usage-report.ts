/** Writes usage metrics: from what a bouncer counts to what the LAPI takes. */

import type { UsageItem } from '../lapi/usage-metrics.js'
import { originLabel } from './request-counts.js'
import { asLabel, type DroppedCount, type IpType, type UsageCounts } from './usage-counts.js'

/** Decisions in force from one origin, on addresses and ranges of one family; `ipType` is null for countries, users and the like. */
export interface ActiveCount {
  readonly origin: string
  /** A blocklist's name where the origin is `lists`. */
  readonly list: string
  readonly ipType: IpType | null
  readonly count: number
}

/** The counts at one moment, to be subtracted from those at a later one. */
export interface UsageMark {
  readonly processed: ReadonlyMap<IpType | null, number>
  readonly dropped: ReadonlyMap<Readonly<DroppedCount>, number>
}

const IP_TYPES: readonly (IpType | null)[] = ['ipv4', 'ipv6', null]

/** Before anything was counted. */
export const NOTHING: UsageMark = { processed: new Map(), dropped: new Map() }

export function markOf(counts: UsageCounts): UsageMark {
  return {
    processed: new Map(IP_TYPES.map((ipType) => [ipType, counts.processed(ipType)])),
    dropped: new Map([...counts.dropped()].map((entry) => [entry, entry.count])),
  }
}

/** What was counted between two marks. What is no address has no `ip_type`, and what no decision stands behind no `origin`. */
export function countedItems(since: UsageMark, until: UsageMark): UsageItem[] {
  const items: UsageItem[] = []
  for (const [ipType, count] of until.processed) {
    const value = count - (since.processed.get(ipType) ?? 0)
    if (value > 0) items.push({ name: 'processed', value, unit: 'request', labels: labelsOf({ ipType }) })
  }
  for (const [entry, count] of until.dropped) {
    const value = count - (since.dropped.get(entry) ?? 0)
    if (value > 0) items.push({ name: 'dropped', value, unit: 'request', labels: labelsOf(entry) })
  }
  return items
}

/** One item for each pair of origin and family, whatever source it came from: `cscli` keeps only the last of each pair. */
export function activeItems(counts: Iterable<ActiveCount>): UsageItem[] {
  const sums = new Map<string, { labels: Record<string, string>; value: number }>()
  for (const { origin, list, ipType, count } of counts) {
    const labels = labelsOf({ origin: asLabel(originLabel(origin, list)), ipType })
    const key = JSON.stringify(labels)
    const sum = sums.get(key)
    if (sum === undefined) sums.set(key, { labels, value: count })
    else sum.value += count
  }
  return [...sums.values()].map(({ labels, value }) => ({ name: 'active_decisions', value, unit: 'ip', labels }))
}

interface Labels {
  readonly origin?: string
  readonly remediation?: string
  readonly ipType: IpType | null
}

function labelsOf({ origin = '', remediation = '', ipType }: Labels): Record<string, string> {
  return {
    ...(origin === '' ? {} : { origin }),
    ...(remediation === '' ? {} : { remediation }),
    ...(ipType === null ? {} : { ip_type: ipType }),
  }
}
