/** Rows in columns, for people. */

import { oneLine } from '../terminal-text.js'

/** One line for the header and one for each row. What came from elsewhere cannot break out of its line. */
export function* tableLines(header: readonly string[], rows: Iterable<readonly string[]>): Generator<string> {
  const cells = [header, ...rows].map((row) => row.map(oneLine))
  const widths = header.map((_, column) => cells.reduce((widest, row) => Math.max(widest, row[column].length), 0))
  for (const row of cells) {
    yield row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd()
  }
}
