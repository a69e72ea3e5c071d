/** SQLite in a file that is closed to all the world, since it holds passwords and tokens; a group that may read it still may. */

import { open, stat } from 'node:fs/promises'
import { type Dialect, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { SqlServer } from './sql-server.js'
import { SqliteDriver } from './sqlite-driver.js'
import { explainSqlite } from './sqlite-errors.js'
import { loadSqlite, type SqliteDatabase } from './sqlite-library.js'

/** Milliseconds to wait for a lock of another process. */
const PATIENCE = 5000

const PRAGMAS: readonly string[] = [
  // SQLite would wait for a lock on the main thread; the driver waits beside it.
  'busy_timeout = 0',
  'journal_mode = wal',
  // What `add` has accepted outlives also a loss of power.
  'synchronous = full',
  // KiB. The indexes of a full outbox: with the 2 MiB of the default a new signal took three times as long to store there.
  'cache_size = -16000',
  // Bytes. The write-ahead log of a large transaction would stay as large as it was.
  `journal_size_limit = ${16 * 2 ** 20}`,
]

export interface SqliteServerOptions {
  readonly path: string
  readonly clock: () => number
  readonly patience?: number
}

export function sqliteServer({ path, clock, patience = PATIENCE }: SqliteServerOptions): SqlServer {
  return {
    kind: 'sqlite',
    target: `sqlite:${path}`,
    dialect: dialectOf(new SqliteDriver({ open: () => openFile(path), pragmas: PRAGMAS, patience })),
    now: async () => clock(),
    // A transaction is the only one that writes from its beginning.
    lock: async () => {},
    // It does so by itself.
    readInOrder: async () => {},
    isConflict: () => false,
    explain: explainSqlite,
  }
}

function dialectOf(driver: SqliteDriver): Dialect {
  return {
    createDriver: () => driver,
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (database) => new SqliteIntrospector(database),
  }
}

async function openFile(path: string): Promise<SqliteDatabase> {
  const { DatabaseSync } = await loadSqlite()
  await protect(path)
  return new DatabaseSync(path)
}

/**
 * SQLite gives its files beside the database, -wal and -shm, the mode of the database. Only of a file: run as root, this would take
 * /dev/null away from everybody else, and opening a pipe would never end.
 */
async function protect(path: string): Promise<void> {
  const known = await stat(path).catch(() => null)
  if (known !== null && !known.isFile()) throw new Error('it is no file')
  const file = await open(path, 'a', 0o600)
  try {
    const status = await file.stat()
    if (status.isFile() && (status.mode & 0o007) !== 0) await file.chmod(status.mode & 0o770)
  } finally {
    await file.close()
  }
}
