/** What SQLite's result codes mean to whoever runs this. */

import { messageOf } from '../../../thrown.js'

interface Failure {
  /** Primary result code, from https://www.sqlite.org/rescode.html. */
  readonly code: number
  /** What SQLite says where it has nothing more special to say. */
  readonly text: string
  readonly meaning: string
}

const BUSY: Failure = {
  code: 5,
  text: 'database is locked',
  meaning: 'another process keeps it locked; nothing was changed, and a later try may succeed',
}

const FAILURES: readonly Failure[] = [
  BUSY,
  { code: 8, text: 'attempt to write a readonly database', meaning: 'it can only be read; nothing was changed' },
  { code: 10, text: 'disk I/O error', meaning: 'reading or writing the disk failed; nothing was changed' },
  {
    code: 11,
    text: 'database disk image is malformed',
    meaning: 'the file is damaged; it is left as it is, to be repaired or moved away',
  },
  { code: 13, text: 'database or disk is full', meaning: 'the disk is full; nothing was changed' },
  { code: 14, text: 'unable to open database file', meaning: 'the file cannot be opened' },
  { code: 26, text: 'file is not a database', meaning: 'the file is not a SQLite database; it is left as it is' },
]

export function isBusy(error: unknown): boolean {
  return failureOf(error) === BUSY
}

export function explainSqlite(error: unknown): string {
  const message = messageOf(error)
  const failure = failureOf(error)
  return failure === undefined ? message : `${failure.meaning} (${message})`
}

// By the text where there is no code: @photostructure/sqlite 1.2 gives none with the errors of a statement.
function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined
  const code = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : null
  return FAILURES.find((failure) => (code === null ? failure.text === error.message : failure.code === code))
}
