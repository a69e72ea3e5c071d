/** What is shown of CAPI: signals from the window to their arrival, and how we stand with it. Registered only where CAPI is used. */

import type { Registry } from 'prom-client'
import { readCounter, readGauge } from './read-metric.js'

/** Signals in the outbox, also those of other processes on the same storage. */
export interface OutboxCounts {
  readonly queued: number
  readonly sent: number
  readonly quarantined: number
  /** Unix milliseconds; null where nothing is queued. */
  readonly oldestQueuedAt: number | null
}

export interface MeasuredReporting {
  readonly pending: number
  readonly stored: number
  readonly sent: number
  readonly rejected: number
  readonly dropped: Readonly<Record<string, number>>
}

export type MachineState = 'active' | 'backing off' | 'blocked'

/** What an open storage tells. */
export interface MeasuredAccount {
  readonly logins: Readonly<Record<string, number>>
  /** These may reject. */
  outbox(): Promise<OutboxCounts>
  machineState(): Promise<MachineState | null>
  /** Whether nobody on this storage may ask CAPI now. */
  isBreakerOpen(): Promise<boolean>
}

export interface MeasuredCapi {
  /** Null where nothing is reported. */
  readonly reporting: () => MeasuredReporting | null
  /** Null while the storage is not open. */
  readonly account: () => MeasuredAccount | null
}

const MACHINE_STATES: readonly MachineState[] = ['active', 'backing off', 'blocked']

export function addCapiMetrics(registry: Registry, { reporting, account }: MeasuredCapi): void {
  addSignals(registry, reporting)
  addOutbox(registry, account)
  addStanding(registry, account)
}

function addSignals(registry: Registry, reporting: MeasuredCapi['reporting']): void {
  readGauge(registry, 'signals_pending', 'Signals that are not in the outbox yet.', [], (set) => {
    const counts = reporting()
    if (counts !== null) set({}, counts.pending)
  })
  readCounter(registry, 'signals_total', 'Signals by what became of them.', ['outcome'], (set) => {
    const counts = reporting()
    if (counts === null) return
    for (const outcome of ['stored', 'sent', 'rejected'] as const) set({ outcome }, counts[outcome])
  })
  readCounter(registry, 'hits_dropped_total', 'Hits that are not told to CAPI, by reason.', ['reason'], (set) => {
    for (const [reason, count] of Object.entries(reporting()?.dropped ?? {})) set({ reason }, count)
  })
}

function addOutbox(registry: Registry, account: MeasuredCapi['account']): void {
  // Both metrics of one scrape show the same count: SQLite counts a full outbox on the main thread.
  let counting: Promise<OutboxCounts | null> | null = null
  const count = () => {
    counting ??= unlessFailed(account()?.outbox()).finally(() => {
      counting = null
    })
    return counting
  }
  readGauge(registry, 'outbox_signals', 'Signals in the outbox, by state.', ['state'], async (set) => {
    const counts = await count()
    if (counts === null) return
    for (const state of ['queued', 'sent', 'quarantined'] as const) set({ state }, counts[state])
  })
  readGauge(registry, 'outbox_oldest_age_seconds', 'Age of the oldest queued signal.', [], async (set) => {
    const counts = await count()
    if (counts === null) return
    const { oldestQueuedAt } = counts
    set({}, oldestQueuedAt === null ? 0 : Math.max(0, (Date.now() - oldestQueuedAt) / 1000))
  })
}

function addStanding(registry: Registry, account: MeasuredCapi['account']): void {
  readCounter(registry, 'capi_logins_total', 'Logins to CAPI, by result.', ['result'], (set) => {
    for (const [result, count] of Object.entries(account()?.logins ?? {})) set({ result: labelOf(result) }, count)
  })
  readGauge(registry, 'capi_breaker_open', '1 while nobody here may ask CAPI.', [], async (set) => {
    const isOpen = await unlessFailed(account()?.isBreakerOpen())
    if (isOpen !== null) set({}, isOpen ? 1 : 0)
  })
  readGauge(registry, 'capi_machine_state', '1 under the state of the machine.', ['state'], async (set) => {
    const now = await unlessFailed(account()?.machineState())
    if (now !== null) for (const state of MACHINE_STATES) set({ state: labelOf(state) }, state === now ? 1 : 0)
  })
}

/** Metrics that cannot be read are absent: a storage that is down must not take the others with it. */
async function unlessFailed<Value>(reading: Promise<Value> | undefined): Promise<Value | null> {
  try {
    return (await reading) ?? null
  } catch {
    return null
  }
}

function labelOf(text: string): string {
  return text.replaceAll(' ', '_')
}
