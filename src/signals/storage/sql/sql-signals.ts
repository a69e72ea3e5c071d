/** The outbox in a database. */

import type { Expression, SqlBool } from 'kysely'
import type { Signal } from '../../../capi/signals/signal.js'
import { CLOCK_TOLERANCE } from '../lease.js'
import type {
  AddSummary,
  ClaimRequest,
  OutboxLimits,
  SignalCounts,
  SignalFilter,
  SignalState,
  SignalStorage,
  StoredSignal,
} from '../signal-storage.js'
import type { KyselyLibrary } from './kysely-library.js'
import type { Database, SignalTable } from './schema.js'
import { inSlices, slicesOf } from './slices.js'
import { keepLimits } from './sql-limits.js'
import type { SqlSession } from './sql-session.js'

/** Part of the limit that may be added before all are counted again, since counting 100,000 takes PostgreSQL 25 ms. */
const UNCOUNTED = 0.01

const NOBODY = { owner: null, claimed_at: null, claimed_until: null } as const

export class SqlSignals implements SignalStorage {
  readonly #session: SqlSession
  readonly #sql: KyselyLibrary['sql']
  readonly #limits: OutboxLimits
  /** Added since all were counted. */
  #uncounted = Number.POSITIVE_INFINITY

  constructor(session: SqlSession, limits: OutboxLimits) {
    this.#session = session
    this.#sql = session.server.kysely.sql
    this.#limits = limits
  }

  async add(signals: readonly Signal[]): Promise<AddSummary> {
    // One at a time also on PostgreSQL: two that bring the same uuids in another order would wait for each other.
    const { counting, ...summary } = await this.#session.transaction(async (transaction) => {
      const now = await this.#session.server.now(transaction)
      let added = 0
      for (const slice of slicesOf(signals)) {
        const result = await transaction
          .insertInto('csb_signal')
          .values(slice.map((signal) => newRow(signal, now)))
          .onConflict((conflict) => conflict.column('uuid').doNothing())
          .executeTakeFirst()
        added += Number(result.numInsertedOrUpdatedRows)
      }
      const counting = signals.length === 0 || this.#uncounted + added > this.#limits.maxSignals * UNCOUNTED
      const dropped = await keepLimits(transaction, this.#limits, { now, counting })
      return { added, known: signals.length - added, dropped, counting }
    }, 'outbox')
    this.#uncounted = counting ? 0 : this.#uncounted + summary.added
    return summary
  }

  async machinesWithQueued(): Promise<readonly string[]> {
    return this.#session.run(async (database) => {
      const now = await this.#session.server.now(database)
      // From machine to machine by the index. `distinct` would look at every queued signal.
      const { rows } = await this.#sql<{ machine_id: string }>`
        with recursive machine(id) as (
          select min(machine_id) from csb_signal where state = 'queued'
          union all
          select (select min(machine_id) from csb_signal where state = 'queued' and machine_id > machine.id)
          from machine where machine.id is not null
        )
        select machine_id from (
          select machine.id as machine_id, (
            select min(csb_signal.id) from csb_signal
            where state = 'queued' and machine_id = machine.id and ${this.#isFree(now)}
          ) as oldest
          from machine where machine.id is not null
        ) as queued
        where oldest is not null
        order by oldest`.execute(database)
      return rows.map((row) => row.machine_id)
    })
  }

  async claim({ machineId, limit, owner, lease }: ClaimRequest): Promise<readonly Signal[]> {
    return this.#session.transaction(async (transaction) => {
      const { server } = this.#session
      await server.readInOrder(transaction)
      const now = await server.now(transaction)
      const skipLocked = server.kind === 'postgresql'
      const rows = await transaction
        // Materialized: PostgreSQL might run it more than once else, and each time it would pick others.
        .with(
          (cte) => cte('picked').materialized(),
          (query) =>
            query
              .selectFrom('csb_signal')
              .select('uuid')
              .where('state', '=', 'queued')
              .where('machine_id', '=', machineId)
              .where(this.#isFree(now))
              .orderBy('id')
              .limit(limit)
              .$if(skipLocked, (select) => select.forUpdate().skipLocked()),
        )
        .updateTable('csb_signal')
        .set({ owner, claimed_at: now, claimed_until: now + lease })
        .where('uuid', 'in', (query) => query.selectFrom('picked').select('picked.uuid'))
        .returning(['id', 'body'])
        .execute()
      return rows.sort((a, b) => Number(a.id) - Number(b.id)).map(({ body }) => JSON.parse(body))
    })
  }

  async markSent(uuids: readonly string[], { keep }: { readonly keep: boolean }): Promise<void> {
    await this.#session.transaction(async (transaction) => {
      const now = await this.#session.server.now(transaction)
      const sent = { state: 'sent', sent_at: now, reason: null, ...NOBODY } as const
      for (const slice of slicesOf(uuids)) {
        if (keep) {
          const update = transaction.updateTable('csb_signal').set(sent)
          await update.where('uuid', 'in', slice).where('state', '<>', 'sent').execute()
        } else {
          await transaction.deleteFrom('csb_signal').where('uuid', 'in', slice).execute()
        }
      }
    })
  }

  async release(uuids: readonly string[], owner: string): Promise<void> {
    await this.#session.transaction(async (transaction) => {
      for (const slice of slicesOf(uuids)) {
        const update = transaction.updateTable('csb_signal').set(NOBODY)
        await update.where('uuid', 'in', slice).where('owner', '=', owner).execute()
      }
    })
  }

  async quarantine(uuid: string, reason: string): Promise<void> {
    // PostgreSQL has no NUL in texts, and the reason may quote CAPI.
    const quarantined = { state: 'quarantined', reason: reason.replaceAll('\0', ''), ...NOBODY } as const
    await this.#session.run((database) =>
      database
        .updateTable('csb_signal')
        .set(quarantined)
        .where('uuid', '=', uuid)
        .where('state', '<>', 'sent')
        .execute(),
    )
  }

  async requeue({ machineId }: { readonly machineId?: string }): Promise<number> {
    return this.#session.transaction((transaction) =>
      inSlices(async (limit) => {
        const uuids = matching(transaction, { state: 'quarantined', machineId }).select('uuid').limit(limit)
        const update = transaction.updateTable('csb_signal').set({ state: 'queued', reason: null })
        return Number((await update.where('uuid', 'in', uuids).executeTakeFirst()).numUpdatedRows)
      }),
    )
  }

  async list({
    limit,
    offset = 0,
    ...filter
  }: SignalFilter & { readonly limit: number; readonly offset?: number }): Promise<readonly StoredSignal[]> {
    const chosen = await this.#chosen(filter)
    const rows = await this.#session.run((database) =>
      matching(database, chosen)
        .select(['body', 'state', 'stored_at', 'sent_at', 'reason'])
        .orderBy('id')
        .limit(limit)
        .offset(offset)
        .execute(),
    )
    return rows.map(({ body, state, stored_at, sent_at, reason }) => {
      return { signal: JSON.parse(body), state, storedAt: stored_at, sentAt: sent_at, reason }
    })
  }

  async counts(filter: Omit<SignalFilter, 'state'> = {}): Promise<SignalCounts> {
    const chosen = await this.#chosen(filter)
    const rows = await this.#session.run((database) =>
      matching(database, chosen)
        .select(({ fn }) => ['state', fn.countAll().as('count'), fn.min('stored_at').as('oldest')])
        .groupBy('state')
        .execute(),
    )
    const counts = { queued: 0, sent: 0, quarantined: 0 }
    for (const { state, count } of rows) counts[state] = Number(count)
    return { ...counts, oldestQueuedAt: rows.find(({ state }) => state === 'queued')?.oldest ?? null }
  }

  async prune(filter: SignalFilter): Promise<number> {
    const chosen = await this.#chosen(filter)
    // Each slice by itself: SQLite works on the main thread, and to commit 100,000 deletions takes it a third of a second.
    return inSlices((limit) =>
      this.#session.run(async (database) => {
        const uuids = matching(database, chosen).select('uuid').limit(limit)
        const remove = database.deleteFrom('csb_signal').where('uuid', 'in', uuids)
        return Number((await remove.executeTakeFirst()).numDeletedRows)
      }),
    )
  }

  /** The filter, with the age as a time by the clock that the rows were stored by. */
  async #chosen({ state, machineId, olderThan }: SignalFilter): Promise<Chosen> {
    if (olderThan === undefined) return { state, machineId }
    const now = await this.#session.run((database) => this.#session.server.now(database))
    return { state, machineId, before: now - olderThan }
  }

  #isFree(now: number): Expression<SqlBool> {
    return this.#sql<SqlBool>`(owner is null or claimed_until <= ${now} or claimed_at > ${now + CLOCK_TOLERANCE})`
  }
}

interface Chosen {
  readonly state?: SignalState | undefined
  readonly machineId?: string | undefined
  /** Unix milliseconds. */
  readonly before?: number
}

function newRow(
  signal: Signal,
  now: number,
): Pick<SignalTable, 'uuid' | 'machine_id' | 'state' | 'body' | 'stored_at'> {
  const { uuid, machine_id } = signal
  return { uuid, machine_id, state: 'queued', body: JSON.stringify(signal), stored_at: now }
}

function matching(database: Database, { state, machineId, before }: Chosen) {
  let query = database.selectFrom('csb_signal')
  if (state !== undefined) query = query.where('state', '=', state)
  if (machineId !== undefined) query = query.where('machine_id', '=', machineId)
  if (before !== undefined) query = query.where('stored_at', '<', before)
  return query
}
