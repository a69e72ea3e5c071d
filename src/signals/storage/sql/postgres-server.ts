/** PostgreSQL, for several hosts: its clock is the one that counts, and no host waits for signals that another one holds. */

import { Socket } from 'node:net'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type { PoolClient } from 'pg'
import { unlessAborted } from '../../../http/unless-aborted.js'
import { messageOf, systemCodeOf } from '../../../thrown.js'
import type { KyselyLibrary } from './kysely-library.js'
import { loadPostgres } from './postgres-library.js'
import type { LockName, SqlServer } from './sql-server.js'

/** Milliseconds for a connection, and for one statement. */
const PATIENCE = 10_000
const STATEMENT = 30_000

/** Of this package, so that other users of the database are not locked. */
const LOCK_SPACE = 0x637362

const LOCKS: Readonly<Record<LockName, number>> = { migration: 1, outbox: 2, logins: 3, machines: 4 }

/** serialization_failure and deadlock_detected. */
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01'])

export interface PostgresServerOptions {
  readonly kysely: KyselyLibrary
  readonly url: URL
  /** Default: the database's. */
  readonly clock?: (() => number) | undefined
  /** Milliseconds for a connection. */
  readonly patience?: number
  /** Milliseconds for one statement. */
  readonly statement?: number
}

export function postgresServer({ kysely, url, clock, ...limits }: PostgresServerOptions): SqlServer {
  const { PostgresDialect, sql } = kysely
  const connections = new PostgresConnections(url, limits)
  return {
    kind: 'postgresql',
    kysely,
    target: `postgresql://${url.host}${url.pathname}`,
    dialect: new PostgresDialect({ pool: () => connections.open() }),
    giveUp: () => connections.cut(),
    async now(database) {
      if (clock !== undefined) return clock()
      const time = sql<{ now: number }>`select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as now`
      const { rows } = await time.execute(database)
      return rows[0]?.now ?? Date.now()
    },
    async lock(transaction, name) {
      await sql`select pg_advisory_xact_lock(${LOCK_SPACE}::int, ${LOCKS[name]}::int)`.execute(transaction)
    },
    async readInOrder(transaction) {
      // After many were added, and until PostgreSQL has looked at them, it expects few, and would sort 100,000 for each claim.
      await sql`select set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)`.execute(
        transaction,
      )
    },
    isConflict: (error) => CONFLICTS.has(systemCodeOf(error) ?? ''),
    explain: explainPostgres,
  }
}

class PostgresConnections {
  readonly #url: URL
  readonly #limits: Pick<PostgresServerOptions, 'patience' | 'statement'>
  readonly #sockets = new Set<Socket>()
  readonly #cut = new AbortController()

  constructor(url: URL, limits: Pick<PostgresServerOptions, 'patience' | 'statement'>) {
    this.#url = url
    this.#limits = limits
  }

  async open(): Promise<PostgresPool> {
    const { Pool } = await loadPostgres()
    const { patience = PATIENCE, statement = STATEMENT } = this.#limits
    const pool = new Pool({
      connectionString: this.#url.href,
      max: 4,
      application_name: 'crowdsec-bouncer',
      connectionTimeoutMillis: patience,
      query_timeout: statement,
      keepAlive: true,
      stream: () => this.#newSocket(),
    })
    // A connection that breaks while nobody uses it: the pool makes another one at the next call.
    pool.on('error', () => {})
    return {
      connect: async () => {
        const { signal } = this.#cut
        signal.throwIfAborted()
        // A pool that is ending forgets whoever waits in its queue.
        return connectionOf(await unlessAborted(pool.connect(), signal))
      },
      end: () => pool.end(),
    }
  }

  /** The pool itself would wait for an answer to what was asked last, however long that takes. */
  cut(): void {
    this.#cut.abort(new Error('it was given up'))
    for (const socket of this.#sockets) socket.destroy()
  }

  #newSocket(): Socket {
    const socket = new Socket()
    this.#sockets.add(socket)
    // For whoever the pool takes out of its queue then. Not at once: to connect would revive it.
    if (this.#cut.signal.aborted) process.nextTick(() => socket.destroy())
    return socket.once('close', () => this.#sockets.delete(socket))
  }
}

/**
 * A connection that fell silent in mid-query must not be used again: the answer to come would be taken for that of another query.
 * Nor one that the server has ended, of which the socket may tell only later; other errors of the server are as rare, and treated
 * alike. And the pool listens only to those that are not in use: the end of another one would be the end of the process.
 */
function connectionOf(client: PoolClient): PostgresPoolClient {
  let failure: unknown = null
  const onError = (error: unknown) => {
    failure = error
  }
  client.on('error', onError)
  const query = async (text: string, parameters: readonly unknown[]) => {
    if (failure !== null) throw failure
    try {
      return await client.query(text, [...parameters])
    } catch (error) {
      failure = error
      throw error
    }
  }
  const release = () => {
    client.release(failure !== null)
    client.off('error', onError)
  }
  return { query: query as unknown as PostgresPoolClient['query'], release }
}

function explainPostgres(error: unknown): string {
  // Where a name has several addresses, the reasons of all of them; it has no message of its own.
  if (error instanceof AggregateError) return error.errors.map(explainPostgres).join('; ')
  const message = messageOf(error)
  const code = systemCodeOf(error)
  return code === null || message.includes(code) ? message : `${message} (${code})`
}
