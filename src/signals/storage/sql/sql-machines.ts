/** Machines and their tokens, and the logins that all processes share, in a database. */

import type {
  Breaker,
  LoginClaim,
  LoginLimit,
  LoginPermit,
  MachineRecord,
  MachineStorage,
} from '../../../capi/machines/machine-storage.js'
import { permit, type TakenLogin } from '../login-window.js'
import type { LoginTable, MachineTable } from './schema.js'
import { slicesOf } from './slices.js'
import type { SqlSession } from './sql-session.js'

const BREAKER = 1

export class SqlMachines implements MachineStorage {
  readonly #session: SqlSession

  constructor(session: SqlSession) {
    this.#session = session
  }

  async get(machineId: string): Promise<MachineRecord | null> {
    const row = await this.#session.run((database) =>
      database.selectFrom('csb_machine').selectAll().where('machine_id', '=', machineId).executeTakeFirst(),
    )
    return row === undefined ? null : recordOf(row)
  }

  async list(): Promise<readonly MachineRecord[]> {
    const rows = await this.#session.run((database) =>
      database.selectFrom('csb_machine').selectAll().orderBy('created_at').orderBy('machine_id').execute(),
    )
    return rows.map(recordOf)
  }

  async add({ machineId, ...fields }: MachineRecord): Promise<boolean> {
    const result = await this.#session.run((database) =>
      database
        .insertInto('csb_machine')
        .values({ machine_id: machineId, ...columnsOf(fields) })
        .onConflict((conflict) => conflict.column('machine_id').doNothing())
        .executeTakeFirst(),
    )
    return Number(result.numInsertedOrUpdatedRows) > 0
  }

  async addFirst({ machineId, ...fields }: MachineRecord): Promise<boolean> {
    return this.#session.transaction(async (transaction) => {
      const known = await transaction.selectFrom('csb_machine').select('machine_id').limit(1).executeTakeFirst()
      if (known !== undefined) return false
      await transaction
        .insertInto('csb_machine')
        .values({ machine_id: machineId, ...columnsOf(fields) })
        .execute()
      return true
    }, 'machines')
  }

  async update(machineId: string, changes: Partial<Omit<MachineRecord, 'machineId'>>): Promise<void> {
    const columns = columnsOf(changes)
    if (Object.keys(columns).length === 0) return
    await this.#session.run((database) =>
      database.updateTable('csb_machine').set(columns).where('machine_id', '=', machineId).execute(),
    )
  }

  async remove(machineIds: readonly string[]): Promise<void> {
    await this.#session.transaction(async (transaction) => {
      for (const slice of slicesOf(machineIds))
        await transaction.deleteFrom('csb_machine').where('machine_id', 'in', slice).execute()
    })
  }

  async takeLogin(claim: LoginClaim, limit: LoginLimit): Promise<LoginPermit> {
    const { owner, machineId, from, until } = claim
    const { window } = limit
    return this.#session.transaction(async (transaction) => {
      await transaction
        .deleteFrom('csb_login')
        .where(({ eb, or }) => or([eb('at', '<=', from - window), eb('at', '>', from + window)]))
        .execute()
      const rows = await transaction.selectFrom('csb_login').selectAll().execute()
      const answer = permit(rows.map(loginOf), claim, limit)
      if (answer === 'taken') {
        await transaction.insertInto('csb_login').values({ at: from, owner, machine_id: machineId, until }).execute()
      }
      return answer
    }, 'logins')
  }

  async endLogin(owner: string, at: number | null): Promise<void> {
    await this.#session.run(async (database) => {
      if (at === null) await database.deleteFrom('csb_login').where('owner', '=', owner).execute()
      else await database.updateTable('csb_login').set({ at, until: null }).where('owner', '=', owner).execute()
    })
  }

  async breaker(): Promise<Breaker | null> {
    const row = await this.#session.run((database) =>
      database.selectFrom('csb_breaker').select('body').executeTakeFirst(),
    )
    return row === undefined ? null : JSON.parse(row.body)
  }

  async setBreaker(breaker: Breaker | null): Promise<void> {
    await this.#session.run(async (database) => {
      if (breaker === null) {
        await database.deleteFrom('csb_breaker').execute()
        return
      }
      const body = JSON.stringify(breaker)
      await database
        .insertInto('csb_breaker')
        .values({ id: BREAKER, body })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ body }))
        .execute()
    })
  }
}

function loginOf({ owner, machine_id, at, until }: LoginTable): TakenLogin {
  return { owner, machineId: machine_id, at, until }
}

function recordOf(row: MachineTable): MachineRecord {
  return {
    machineId: row.machine_id,
    password: row.password,
    isGiven: row.is_given === 1,
    api: row.api,
    token: row.token,
    tokenExpiresAt: row.token_expires_at,
    scenarios: JSON.parse(row.scenarios),
    standing: JSON.parse(row.standing),
    createdAt: row.created_at,
  }
}

type Fields = Omit<MachineRecord, 'machineId'>

type Columns = Omit<MachineTable, 'machine_id'>

function columnsOf(fields: Fields): Columns
function columnsOf(fields: Partial<Fields>): Partial<Columns>
function columnsOf(fields: Partial<Fields>): Partial<Columns> {
  const { password, isGiven, api, token, tokenExpiresAt, scenarios, standing, createdAt } = fields
  return {
    ...(password !== undefined && { password }),
    ...(isGiven !== undefined && { is_given: isGiven ? 1 : 0 }),
    ...(api !== undefined && { api }),
    ...(token !== undefined && { token }),
    ...(tokenExpiresAt !== undefined && { token_expires_at: tokenExpiresAt }),
    ...(scenarios !== undefined && { scenarios: JSON.stringify(scenarios) }),
    ...(standing !== undefined && { standing: JSON.stringify(standing) }),
    ...(createdAt !== undefined && { created_at: createdAt }),
  }
}
