/** Keeps the outbox of a database within its limits. */

import { DROP_ORDER } from '../outbox-limits.js'
import type { OutboxLimits, SignalState } from '../signal-storage.js'
import type { DatabaseTransaction } from './schema.js'
import { inSlices } from './slices.js'

/** Returns how many were dropped that had not been sent. */
export async function keepLimits(
  transaction: DatabaseTransaction,
  { maxSignals, maxAge }: OutboxLimits,
  { now, counting }: { readonly now: number; readonly counting: boolean },
): Promise<number> {
  let dropped = 0
  const drop = async (state: SignalState, most: number, before: number): Promise<number> => {
    const count = await inSlices((limit) => dropOldest(transaction, state, limit, before), most)
    if (state !== 'sent') dropped += count
    return count
  }
  for (const state of DROP_ORDER) await drop(state, Number.POSITIVE_INFINITY, now - maxAge)
  let excess = counting ? (await countAll(transaction)) - maxSignals : 0
  for (const state of DROP_ORDER) if (excess > 0) excess -= await drop(state, excess, Number.MAX_VALUE)
  return dropped
}

async function dropOldest(
  transaction: DatabaseTransaction,
  state: SignalState,
  limit: number,
  before: number,
): Promise<number> {
  const result = await transaction
    .deleteFrom('csb_signal')
    .where('uuid', 'in', (query) =>
      query
        .selectFrom('csb_signal')
        .select('uuid')
        .where('state', '=', state)
        .where('stored_at', '<', before)
        .orderBy('stored_at')
        .orderBy('id')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

async function countAll(transaction: DatabaseTransaction): Promise<number> {
  const row = await transaction
    .selectFrom('csb_signal')
    .select(({ fn }) => fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
