/** SQLite, in a file that is looked at before each use and before each commit. */

import type { Dialect } from 'kysely'
import { BouncerError } from '../../../errors.js'
import type { KyselyLibrary } from './kysely-library.js'
import type { SqlServer } from './sql-server.js'
import { SqliteDriver } from './sqlite-driver.js'
import { explainSqlite } from './sqlite-errors.js'
import { SqliteFile } from './sqlite-file.js'
import { loadSqlite } from './sqlite-library.js'

/** Milliseconds to wait for a lock of another process. */
const PATIENCE = 5000

const CENSUS =
  "select count(*) as tables, count(case when name = 'csb_migration' then 1 end) as ours from sqlite_master"

const FOREIGN =
  'the file is the database of something else (it has tables, but no csb_migration); it is left as it is. Name a file of its own'

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
  readonly kysely: KyselyLibrary
  readonly path: string
  readonly clock: () => number
  readonly patience?: number
  /** Hears of each use that failed because the file is not the one that was opened. */
  readonly onLost?: ((error: BouncerError) => void) | undefined
}

export function sqliteServer({ kysely, path, clock, patience = PATIENCE, onLost }: SqliteServerOptions): SqlServer {
  const target = `sqlite:${path}`
  const file = new SqliteFile(path)
  const open = async () => {
    const { DatabaseSync } = await loadSqlite()
    await file.prepare()
    return new DatabaseSync(path)
  }
  const inspect = async (query: (sql: string) => Promise<unknown[]>) => {
    const [{ tables, ours }] = (await query(CENSUS)) as [{ tables: number; ours: number }]
    // Without a table it is new: whoever made it may have died before there was one.
    if (tables > 0 && ours === 0) throw new Error(FOREIGN)
    await file.protect()
  }
  const verify = () => {
    const why = file.lost()
    if (why === null) return
    const error = new BouncerError('ERR_CSB_STORAGE', `The storage ${target} cannot be used: ${why}`)
    onLost?.(error)
    throw error
  }
  const abandonIfLost = () => {
    const isLost = file.lost() !== null
    if (isLost) file.removeLog()
    return isLost
  }
  const driver = new SqliteDriver({ open, inspect, verify, abandonIfLost, pragmas: PRAGMAS, patience })
  return {
    kind: 'sqlite',
    kysely,
    target,
    dialect: dialectOf(driver, kysely),
    giveUp: () => driver.giveUp(),
    now: async () => clock(),
    // A transaction is the only one that writes from its beginning.
    lock: async () => {},
    // It does so by itself.
    readInOrder: async () => {},
    isConflict: () => false,
    explain: explainSqlite,
  }
}

function dialectOf(driver: SqliteDriver, kysely: KyselyLibrary): Dialect {
  return {
    createDriver: () => driver,
    createAdapter: () => new kysely.SqliteAdapter(),
    createQueryCompiler: () => new kysely.SqliteQueryCompiler(),
    createIntrospector: (database) => new kysely.SqliteIntrospector(database),
  }
}
