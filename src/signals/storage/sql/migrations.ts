/**
 * Brings a database to the version that this release knows, step by step. Each step and the row that tells of it are one
 * transaction: a process that dies in between leaves the version before.
 */

import { BouncerError } from '../../../errors.js'
import { claimLogins } from './claim-logins.js'
import { createTables } from './create-tables.js'
import type { DatabaseTransaction } from './schema.js'
import type { SqlServer } from './sql-server.js'
import type { SqlSession } from './sql-session.js'

/** The first one makes version 1, the next one version 2. What was released is never changed. */
export type Migration = (transaction: DatabaseTransaction, server: SqlServer) => Promise<void>

export const MIGRATIONS: readonly Migration[] = [createTables, claimLogins]

/** Several processes may start at once: one does the step, the others wait for it. */
export async function migrate(session: SqlSession, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  while (await session.transaction((transaction) => takeStep(transaction, session.server, migrations), 'migration'));
}

/** Returns whether there was one to take. */
async function takeStep(
  transaction: DatabaseTransaction,
  server: SqlServer,
  migrations: readonly Migration[],
): Promise<boolean> {
  const version = await versionOf(transaction)
  if (version > migrations.length) {
    const message =
      `The storage ${server.target} was written by a newer release of crowdsec-bouncer: it has version ${version}, ` +
      `and this release knows versions up to ${migrations.length}`
    throw new BouncerError('ERR_CSB_STORAGE', message)
  }
  const migration = migrations[version]
  if (migration === undefined) return false
  await migration(transaction, server)
  const appliedAt = await server.now(transaction)
  await transaction
    .insertInto('csb_migration')
    .values({ version: version + 1, applied_at: appliedAt })
    .execute()
  return true
}

async function versionOf(transaction: DatabaseTransaction): Promise<number> {
  await transaction.schema
    .createTable('csb_migration')
    .ifNotExists()
    .addColumn('version', 'integer', (column) => column.primaryKey())
    .addColumn('applied_at', 'double precision', (column) => column.notNull())
    .execute()
  const row = await transaction
    .selectFrom('csb_migration')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst()
  return row?.version ?? 0
}
