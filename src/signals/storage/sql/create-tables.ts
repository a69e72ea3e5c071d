/** Version 1 of the database. */

import type { DatabaseTransaction } from './schema.js'
import type { SqlServer } from './sql-server.js'

export async function createTables({ schema }: DatabaseTransaction, server: SqlServer): Promise<void> {
  const signal = schema.createTable('csb_signal')
  // Without an index of its own on PostgreSQL: it would be taken for claims, and all that is sent already be passed over each time.
  const withId =
    server.kind === 'sqlite'
      ? signal.addColumn('id', 'integer', (column) => column.primaryKey())
      : signal.addColumn('id', 'bigint', (column) => column.notNull().generatedAlwaysAsIdentity())
  await withId
    .addColumn('uuid', 'text', (column) => column.notNull().unique())
    .addColumn('machine_id', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('stored_at', 'double precision', (column) => column.notNull())
    .addColumn('sent_at', 'double precision')
    .addColumn('reason', 'text')
    .addColumn('owner', 'text')
    .addColumn('claimed_at', 'double precision')
    .addColumn('claimed_until', 'double precision')
    .execute()
  // For claims, and with stored_at for the counts of one machine without a look at the rows.
  await schema
    .createIndex('csb_signal_queue')
    .on('csb_signal')
    .columns(['state', 'machine_id', 'id', 'stored_at'])
    .execute()
  // For the limits.
  await schema.createIndex('csb_signal_age').on('csb_signal').columns(['state', 'stored_at', 'id']).execute()
  await schema
    .createTable('csb_machine')
    .addColumn('machine_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('password', 'text', (column) => column.notNull())
    .addColumn('api', 'text')
    .addColumn('token', 'text')
    .addColumn('token_expires_at', 'double precision')
    .addColumn('scenarios', 'text', (column) => column.notNull())
    .addColumn('standing', 'text', (column) => column.notNull())
    .addColumn('created_at', 'double precision', (column) => column.notNull())
    .execute()
  await schema
    .createTable('csb_login')
    .addColumn('at', 'double precision', (column) => column.notNull())
    .execute()
  await schema
    .createTable('csb_breaker')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('body', 'text', (column) => column.notNull())
    .execute()
}
