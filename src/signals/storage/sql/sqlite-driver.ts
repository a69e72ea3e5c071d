/**
 * Kysely on a SQLite that works on the main thread: one connection, used by one at a time in the order of asking; others of the
 * process get their turn after each statement; and a lock of another process is waited for without holding up anybody.
 */

import { setImmediate, setTimeout } from 'node:timers/promises'
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import { isBusy } from './sqlite-errors.js'
import type { SqliteDatabase, SqliteStatement, SqliteValue } from './sqlite-library.js'

/** Milliseconds between tries for a lock. */
const POLL = 10

/** Statements kept: more than the storages have, since each size of a slice makes one. */
const KEPT_STATEMENTS = 50

export interface SqliteDriverOptions {
  open(): Promise<SqliteDatabase>
  /** Throws where what was opened is of no use any more. Called before each use and before each commit. */
  verify(): void
  /** To be set first. */
  readonly pragmas: readonly string[]
  /** Milliseconds to wait for a lock of another process. */
  readonly patience: number
}

export class SqliteDriver implements Driver {
  readonly #options: SqliteDriverOptions
  #connection: SqliteConnection | null = null
  #hasGivenUp = false
  #last: Promise<void> = Promise.resolve()
  #release: () => void = () => {}

  constructor(options: SqliteDriverOptions) {
    this.#options = options
  }

  async init(): Promise<void> {
    const { open, pragmas, patience } = this.#options
    const connection = new SqliteConnection(await open(), () => (this.#hasGivenUp ? 0 : patience))
    try {
      for (const pragma of pragmas) await connection.execute(`pragma ${pragma}`)
    } catch (error) {
      connection.close()
      throw error
    }
    this.#connection = connection
  }

  /** Waits for no lock any more. */
  giveUp(): void {
    this.#hasGivenUp = true
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#last
    const { promise, resolve } = turn()
    this.#last = promise
    await before
    this.#release = resolve
    try {
      if (this.#connection === null) throw new Error('it is closed')
      this.#options.verify()
      return this.#connection
    } catch (error) {
      resolve()
      throw error
    }
  }

  async releaseConnection(): Promise<void> {
    this.#release()
  }

  // Immediate: one that begins by reading could not write any more after another process has.
  async beginTransaction(): Promise<void> {
    await this.#connection?.execute('begin immediate')
  }

  async commitTransaction(): Promise<void> {
    this.#options.verify() // the lock may have taken seconds to come
    await this.#connection?.execute('commit')
  }

  async rollbackTransaction(): Promise<void> {
    // SQLite has rolled back by itself after some errors, such as a full disk, and has nothing left to roll back then. Whatever it
    // is, the error that led here is the one to hear of.
    await this.#connection?.execute('rollback').catch(() => {})
  }

  async destroy(): Promise<void> {
    await this.#last
    this.#connection?.close()
    this.#connection = null
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: SqliteDatabase
  readonly #patience: () => number
  readonly #statements = new Map<string, SqliteStatement>()

  constructor(database: SqliteDatabase, patience: () => number) {
    this.#database = database
    this.#patience = patience
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const rows = await this.execute(sql, parameters as readonly SqliteValue[])
    const [{ changes }] = this.#prepared('select changes() as changes').all() as [{ changes: number }]
    await setImmediate()
    return { rows: rows as Row[], numAffectedRows: BigInt(changes) }
  }

  // biome-ignore lint/correctness/useYield: Kysely wants a generator; nothing here streams
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error('streams are not for this driver')
  }

  /** A statement that met a lock has changed nothing, and is run again. */
  async execute(sql: string, parameters: readonly SqliteValue[] = []): Promise<unknown[]> {
    const began = performance.now()
    for (;;) {
      try {
        return this.#prepared(sql).all(...parameters)
      } catch (error) {
        if (!isBusy(error) || performance.now() - began >= this.#patience()) throw error
        await setTimeout(POLL)
      }
    }
  }

  close(): void {
    this.#statements.clear()
    // Closing would do it, but @photostructure/sqlite 1.2 closes for real only when all statements are garbage. Where another
    // process reads, or the file is no database, the log stays, and is used by whoever opens it next.
    try {
      this.#database.exec('pragma wal_checkpoint(truncate)')
    } catch {}
    this.#database.close()
  }

  #prepared(sql: string): SqliteStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    if (this.#statements.size >= KEPT_STATEMENTS) this.#statements.clear()
    this.#statements.set(sql, statement)
    return statement
  }
}

function turn(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
