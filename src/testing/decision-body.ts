/** Decisions as the LAPI's JSON text, in pieces so that a body of any size costs little memory. */

import { createHash } from 'node:crypto'
import type { DecisionRow } from './decision-table.js'
import { formatGoDuration, roundToSeconds } from './go-duration.js'
import type { LapiTraits } from './lapi-version.js'
import type { StreamSelection } from './stream-query.js'
import { inPieces } from './text-pieces.js'

/** The body of a stream answer. */
export function* streamBody(selection: StreamSelection, traits: LapiTraits, now: number): Generator<string> {
  const toJson = (row: DecisionRow) => decisionJson(row, traits, now, traits.uuid === 'in-stream')
  if (traits.body === 'streamed') {
    yield* inPieces(
      textsOf(
        [
          ['{"new": [', selection.new, '], '],
          ['"deleted": [', selection.deleted, ']}'],
        ],
        toJson,
      ),
    )
    return
  }
  // An empty Go slice that was never appended to is `null` in JSON.
  const open = (rows: readonly DecisionRow[]) => (rows.length > 0 ? '[' : 'null')
  const close = (rows: readonly DecisionRow[]) => (rows.length > 0 ? ']' : '')
  yield* inPieces(
    textsOf(
      [
        [`{"deleted":${open(selection.deleted)}`, selection.deleted, close(selection.deleted)],
        [`,"new":${open(selection.new)}`, selection.new, `${close(selection.new)}}`],
      ],
      toJson,
    ),
  )
}

/** The body of a live answer: `null` when nothing matches, in every version. No uuid: the query does not select it. */
export function* liveBody(rows: readonly DecisionRow[], traits: LapiTraits, now: number): Generator<string> {
  if (rows.length === 0) yield 'null'
  else yield* inPieces(textsOf([['[', rows, ']']], (row) => decisionJson(row, traits, now, false)))
}

/** What is left of a decision at `now`, as the LAPI prints it. */
export function remainingDuration(row: DecisionRow, traits: LapiTraits, now: number): string {
  const left = row.until - now
  return formatGoDuration(traits.durations === 'seconds' ? roundToSeconds(left) : left)
}

function* textsOf(
  lists: readonly (readonly [before: string, rows: readonly DecisionRow[], after: string])[],
  toJson: (row: DecisionRow) => string,
): Generator<string> {
  for (const [before, rows, after] of lists) {
    yield before
    for (const [index, row] of rows.entries()) yield index > 0 ? `,${toJson(row)}` : toJson(row)
    yield after
  }
}

function decisionJson(row: DecisionRow, traits: LapiTraits, now: number, withUuid: boolean): string {
  const duration = remainingDuration(row, traits, now)
  const head = `{"duration":"${duration}","id":${row.id},"origin":${goJson(row.origin)},"scenario":${goJson(row.scenario)}`
  const uuid = withUuid && !/^(CAPI|lists)$/.test(row.origin) ? `"uuid":"${uuidOf(row)}",` : ''
  return `${head},"scope":${goJson(row.scope)},"type":${goJson(row.type)},${uuid}"value":${goJson(row.value)}}`
}

/** Go's encoding/json also escapes what could end a script element, and the two line separators of JavaScript. */
function goJson(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Stable for a row, and different after wipe(). */
function uuidOf(row: DecisionRow): string {
  const hex = createHash('md5').update(`${row.id} ${row.createdAt}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}
