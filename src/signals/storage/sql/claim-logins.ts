/** Version 2 of the database: a login is claimed for its machine, and a password may be the user's. */

import type { DatabaseTransaction } from './schema.js'

export async function claimLogins({ schema }: DatabaseTransaction): Promise<void> {
  // One at a time: SQLite takes no more.
  await schema.alterTable('csb_login').addColumn('owner', 'text').execute()
  await schema.alterTable('csb_login').addColumn('machine_id', 'text').execute()
  await schema.alterTable('csb_login').addColumn('until', 'double precision').execute()
  await schema
    .alterTable('csb_machine')
    .addColumn('is_given', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()
}
