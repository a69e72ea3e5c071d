/** Access to the database for the storages: transactions, and failures as `ERR_CSB_STORAGE`. */

import { BouncerError } from '../../../errors.js'
import type { Database, DatabaseTransaction } from './schema.js'
import type { LockName, SqlServer } from './sql-server.js'

/** Two that wait for each other are a matter of chance, and rare: after some tries something else is wrong. */
const TRIES = 5

export class SqlSession {
  readonly server: SqlServer
  readonly #database: Database

  constructor(server: SqlServer, database: Database) {
    this.server = server
    this.#database = database
  }

  async run<Result>(work: (database: Database) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(this.#database)
      } catch (error) {
        if (attempt < TRIES && this.server.isConflict(error)) continue
        throw storageError(this.server, error)
      }
    }
  }

  /** All or nothing. The work may be done again from the start, and so must have no other effect. */
  transaction<Result>(
    work: (transaction: DatabaseTransaction) => Promise<Result>,
    lock: LockName | null = null,
  ): Promise<Result> {
    return this.run((database) =>
      database.transaction().execute(async (transaction) => {
        if (lock !== null) await this.server.lock(transaction, lock)
        return work(transaction)
      }),
    )
  }

  async close(): Promise<void> {
    await this.run((database) => database.destroy())
  }
}

/** Without the cause: PostgreSQL quotes whole rows in the details of its errors, and rows hold passwords. */
export function storageError(server: SqlServer, error: unknown): BouncerError {
  if (error instanceof BouncerError) return error
  return new BouncerError('ERR_CSB_STORAGE', `The storage ${server.target} cannot be used: ${server.explain(error)}`)
}
