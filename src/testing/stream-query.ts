/** What `GET /v1/decisions/stream` and `GET /v1/decisions` select from the table: the windows and the deduplication. */

import { decisionFilter, type RowPredicate } from './decision-filter.js'
import type { DecisionRow, DecisionTable } from './decision-table.js'
import type { LapiTraits } from './lapi-version.js'

/** The two lists of one stream answer. */
export interface StreamSelection {
  readonly new: readonly DecisionRow[]
  readonly deleted: readonly DecisionRow[]
}

/** A deletion is told again by pulls that come up to this much later. */
const deletedOverlapMs = 2000

/** `lastPull` null: this bouncer never pulled, so a delta brings everything. Throws BadFilter. */
export function selectStream(
  table: DecisionTable,
  query: URLSearchParams,
  traits: LapiTraits,
  now: number,
  lastPull: number | null,
): StreamSelection {
  const filters = new URLSearchParams(query)
  if (!filters.has('scopes')) filters.set('scopes', 'ip,range')
  const wanted = decisionFilter(filters, table, traits)
  // Only the literal `true` counts: `1` and `TRUE` are deltas.
  const since = query.get('startup') === 'true' ? null : lastPull
  const dedup = query.get('dedup') !== 'false'
  const isNew: RowPredicate = (row) => row.until > now && (since === null || row.createdAt > since)
  // simulated=true reaches only the first of the two queries: the LAPI's filter code takes it out of the shared map.
  const isDeleted: RowPredicate = (row) =>
    row.until < now && (since === null || row.until > since - deletedOverlapMs) && !row.simulated
  const pick = (inWindow: RowPredicate) => {
    const rows: DecisionRow[] = []
    // The anti-join looks at the whole table: a longer decision of another origin hides one that the filter wants.
    for (const row of table.rows()) {
      if (inWindow(row) && wanted(row) && (!dedup || table.isLongest(row))) rows.push(row)
    }
    const ordered = inOrder(rows, query, traits)
    return dedup && traits.ties === 'first' ? firstOfEach(ordered) : ordered
  }
  return { new: pick(isNew), deleted: pick(isDeleted) }
}

/** The rows of a live query: everything active that the filters want, duplicates included. Throws BadFilter. */
export function selectLive(
  table: DecisionTable,
  query: URLSearchParams,
  traits: LapiTraits,
  now: number,
): DecisionRow[] {
  const wanted = decisionFilter(query, table, traits)
  const rows: DecisionRow[] = []
  for (const row of table.rows()) if (row.until >= now && wanted(row)) rows.push(row)
  return inOrder(rows, query, traits)
}

/** Without ORDER BY, SQLite gives rows in the order of the index that it walks: the one on `until`, or with `value=` the one on `value`. */
function inOrder(rows: DecisionRow[], query: URLSearchParams, traits: LapiTraits): DecisionRow[] {
  if (traits.order === 'id' || query.has('value')) return rows
  return rows.sort((a, b) => a.until - b.until || a.id - b.id)
}

function firstOfEach(rows: readonly DecisionRow[]): DecisionRow[] {
  const seen = new Set<string>()
  return rows.filter((row) => {
    const key = row.value + row.scope + row.type
    return seen.size < seen.add(key).size
  })
}
