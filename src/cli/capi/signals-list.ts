/** `capi signals list`: what is in the outbox, the oldest first. */

import type { SignalState, StoredSignal } from '../../capi-client.js'
import { type CapiSession, filteredMachine } from './capi-session.js'
import type { ListFormat } from './output.js'
import { timeText } from './span-text.js'

export interface SignalsListFlags {
  readonly state?: SignalState
  readonly limit: number
  readonly machine?: string
}

export async function listSignals(session: CapiSession, flags: SignalsListFlags): Promise<number> {
  const { client, output } = session
  const { state, limit } = flags
  const machineId = await filteredMachine(session, flags.machine)
  const filter = { ...(state === undefined ? {} : { state }), ...(machineId === undefined ? {} : { machineId }) }
  const signals = await client.listSignals({ ...filter, limit })
  output.list(signals, format)
  const counts = await client.signalCounts(machineId === undefined ? {} : { machineId })
  const all = state === undefined ? counts.queued + counts.sent + counts.quarantined : counts[state]
  if (all > signals.length) output.note(`${signals.length} of ${all} shown; --limit shows more`)
  else if (all === 0) output.note('no signals')
  return 0
}

const format: ListFormat<StoredSignal> = {
  header: ['stored', 'state', 'value', 'scenario', 'message', 'machine'],
  row: ({ signal, state, storedAt, reason }) => [
    timeText(storedAt),
    state,
    signal.source.value,
    signal.scenario,
    reason === null ? signal.message : `refused: ${reason}`,
    signal.machine_id,
  ],
  document: ({ signal, state, storedAt, sentAt, reason }) => ({
    state,
    stored_at: timeText(storedAt),
    sent_at: sentAt === null ? null : timeText(sentAt),
    reason,
    signal,
  }),
}
