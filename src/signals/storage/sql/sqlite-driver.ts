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
  /** Throws where what was opened is not for us; called before anything in it is changed. */
  inspect(query: (sql: string) => Promise<unknown[]>): Promise<void>
  /** Throws where what was opened is lost. Called before each use, after each wait for a lock, and before each commit. */
  verify(): void
  /** Whether it is lost. Then nothing of it may be in the way of who opens it anew. */
  abandonIfLost(): boolean
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
    const { open, inspect, pragmas, patience, verify } = this.#options
    const connection = new SqliteConnection(await open(), { patience: () => (this.#hasGivenUp ? 0 : patience), verify })
    try {
      await inspect((sql) => connection.execute(sql))
    } catch (error) {
      connection.close('as it is')
      throw error
    }
    try {
      for (const pragma of pragmas) await connection.execute(`pragma ${pragma}`)
    } catch (error) {
      connection.close('with its log')
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
    const connection = this.#connection
    this.#connection = null
    let end: 'as it is' | 'with its log' = 'as it is'
    try {
      if (!this.#options.abandonIfLost()) end = 'with its log'
    } finally {
      connection?.close(end)
    }
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: SqliteDatabase
  readonly #waiting: { readonly patience: () => number; readonly verify: () => void }
  readonly #statements = new Map<string, SqliteStatement>()

  constructor(database: SqliteDatabase, waiting: { readonly patience: () => number; readonly verify: () => void }) {
    this.#database = database
    this.#waiting = waiting
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
        if (!isBusy(error) || performance.now() - began >= this.#waiting.patience()) throw error
        await setTimeout(POLL)
        this.#waiting.verify()
      }
    }
  }

  /** `as it is`: a log that others may have taken for that of a new file must not be emptied. SQLite itself sees to that, too. */
  close(how: 'with its log' | 'as it is'): void {
    this.#statements.clear()
    if (how === 'with its log') this.#emptyLog()
    this.#database.close()
  }

  /**
   * Closing would do it, but @photostructure/sqlite 1.2 closes for real only when all statements are garbage. Where another process
   * reads, or the file is no database, the log stays, and is used by whoever opens it next.
   */
  #emptyLog(): void {
    try {
      this.#database.exec('pragma wal_checkpoint(truncate)')
    } catch {}
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
