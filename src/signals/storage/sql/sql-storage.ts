/** A storage in a database, SQLite or PostgreSQL. */

import { DEFAULT_LIMITS } from '../outbox-limits.js'
import type { OutboxLimits } from '../signal-storage.js'
import type { Storage } from '../storage.js'
import { type Migration, migrate } from './migrations.js'
import type { Tables } from './schema.js'
import { SqlMachines } from './sql-machines.js'
import type { SqlServer } from './sql-server.js'
import { SqlSession } from './sql-session.js'
import { SqlSignals } from './sql-signals.js'

export { postgresServer } from './postgres-server.js'
export { sqliteServer } from './sqlite-server.js'

export interface SqlStorageOptions {
  readonly limits?: Partial<OutboxLimits> | undefined
  /** Default: those of this release. */
  readonly migrations?: readonly Migration[]
}

/** Brings the database to this release's version. Throws `ERR_CSB_STORAGE`. */
export async function openSqlStorage(server: SqlServer, options: SqlStorageOptions = {}): Promise<Storage> {
  const { kysely, dialect } = server
  const session = new SqlSession(server, new kysely.Kysely<Tables>({ dialect }))
  try {
    await migrate(session, options.migrations)
  } catch (error) {
    await session.close().catch(() => {})
    throw error
  }
  return {
    machines: new SqlMachines(session),
    signals: new SqlSignals(session, { ...DEFAULT_LIMITS, ...options.limits }),
    target: server.target,
    close: () => session.close(),
  }
}
