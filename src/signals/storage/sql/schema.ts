/**
 * The tables, the same on SQLite and PostgreSQL. Passwords and tokens of machines stand in them in clear text, as in CrowdSec's own
 * credentials file: whoever can read the database can speak for the machines.
 */

import type { Generated, Kysely, Transaction } from 'kysely'
import type { SignalState } from '../signal-storage.js'

/** All times are Unix milliseconds, in columns of double precision, which both databases give back as numbers. */
export interface SignalTable {
  /** Ascending: the order in which they came. */
  readonly id: Generated<number>
  readonly uuid: string
  readonly machine_id: string
  readonly state: SignalState
  /** The signal as JSON. */
  readonly body: string
  readonly stored_at: number
  readonly sent_at: number | null
  readonly reason: string | null
  /** Who holds it, since when and for how long. */
  readonly owner: string | null
  readonly claimed_at: number | null
  readonly claimed_until: number | null
}

export interface MachineTable {
  readonly machine_id: string
  readonly password: string
  /** 1, or 0. */
  readonly is_given: number
  readonly api: string | null
  readonly token: string | null
  readonly token_expires_at: number | null
  /** JSON, as is the standing. */
  readonly scenarios: string
  readonly standing: string
  readonly created_at: number
}

/** One row for each login of the budget. `until`: while it is under way, nobody else logs in for the machine. */
export interface LoginTable {
  readonly at: number
  readonly owner: string | null
  readonly machine_id: string | null
  readonly until: number | null
}

export interface Tables {
  readonly csb_signal: SignalTable
  readonly csb_machine: MachineTable
  readonly csb_login: LoginTable
  /** No row, or the one with id 1. The body is JSON. */
  readonly csb_breaker: { readonly id: number; readonly body: string }
  readonly csb_migration: { readonly version: number; readonly applied_at: number }
}

export type Database = Kysely<Tables>
export type DatabaseTransaction = Transaction<Tables>
