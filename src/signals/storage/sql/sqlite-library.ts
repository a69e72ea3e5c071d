/** The SQLite of this process: Node's own where it has it (22.13 and newer), else the package @photostructure/sqlite. */

import { missingPackage } from '../optional-package.js'

/** What both have in common, and is used. */
export interface SqliteDatabase {
  exec(sql: string): void
  prepare(sql: string): SqliteStatement
  close(): void
}

export interface SqliteStatement {
  /** Runs it to its end, also where it gives no rows. */
  all(...parameters: readonly SqliteValue[]): unknown[]
}

export type SqliteValue = null | number | bigint | string | Uint8Array

interface SqliteLibrary {
  readonly DatabaseSync: new (path: string) => SqliteDatabase
}

/** Throws `ERR_CSB_STORAGE`. */
export async function loadSqlite(): Promise<SqliteLibrary> {
  // An import would fail to load this file on Node 20, and bundlers would look for a package of that name.
  const builtin = process.getBuiltinModule('node:sqlite') as SqliteLibrary | undefined
  if (builtin !== undefined) return builtin
  try {
    return await import('@photostructure/sqlite')
  } catch (cause) {
    throw missingPackage('@photostructure/sqlite', cause)
  }
}
