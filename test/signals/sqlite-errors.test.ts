import { expect, test } from 'vitest'
import { explainSqlite, isBusy } from '../../src/signals/storage/sql/sqlite-errors.js'

/** As node:sqlite throws it; @photostructure/sqlite throws the text alone. */
const withCode = (errcode: number, text = 'text') =>
  Object.assign(new Error(text), { code: 'ERR_SQLITE_ERROR', errcode })

test.each<[string, unknown, boolean, string]>([
  ['SQLITE_BUSY', withCode(5), true, 'another process keeps it locked; nothing was changed, and a later try may succeed (text)'],
  ['SQLITE_BUSY_RECOVERY', withCode(261), true, 'another process keeps it locked; nothing was changed, and a later try may succeed (text)'],
  ['its text alone', new Error('database is locked'), true, 'another process keeps it locked; nothing was changed, and a later try may succeed (database is locked)'],
  ['its text with another code', withCode(1, 'database is locked'), false, 'database is locked'],
  ['SQLITE_IOERR_WRITE', withCode(778), false, 'reading or writing the disk failed; nothing was changed (text)'],
  ['SQLITE_READONLY_DBMOVED', withCode(1032), false, 'it can only be read; nothing was changed (text)'],
  ['SQLITE_CORRUPT_INDEX', withCode(779), false, 'the file is damaged; it is left as it is, to be repaired or moved away (text)'],
  ['SQLITE_FULL', withCode(13), false, 'the disk is full; nothing was changed (text)'],
  ['SQLITE_CONSTRAINT', withCode(19), false, 'text'],
  ['no error', 'text', false, 'text'],
])('%s', (_, error, busy, explained) => {
  expect([isBusy(error), explainSqlite(error)]).toEqual([busy, explained])
}) // biome-ignore format: a table
