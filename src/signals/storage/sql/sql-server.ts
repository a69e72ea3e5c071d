/** In what SQLite and PostgreSQL differ, for the code that they share. */

import type { Dialect } from 'kysely'
import type { KyselyLibrary } from './kysely-library.js'
import type { Database, DatabaseTransaction } from './schema.js'

/** What must not be done by two processes at a time. */
export type LockName = 'migration' | 'outbox' | 'logins' | 'machines'

export interface SqlServer {
  readonly kind: 'sqlite' | 'postgresql'
  /** For messages. Never a password. */
  readonly target: string
  readonly kysely: KyselyLibrary
  readonly dialect: Dialect
  /** From now on nothing is waited for, and what waits fails. */
  giveUp(): void
  /** Unix milliseconds. */
  now(database: Database): Promise<number>
  /** Waits until no other transaction has the lock, and keeps it until the end of this one. */
  lock(transaction: DatabaseTransaction, name: LockName): Promise<void>
  /** From now on this transaction reads by an index that has the right order, where there is one. */
  readInOrder(transaction: DatabaseTransaction): Promise<void>
  /** Another try would likely succeed: the database gave this one up in favour of another. */
  isConflict(error: unknown): boolean
  /** What went wrong, in words. Never a secret. */
  explain(error: unknown): string
}
