/** What is shown of CAPI: signals from the window to their arrival, and how we stand with it. Registered only where CAPI is used. */

import type { Registry } from 'prom-client'
import { pauseFor } from '../http/pause.js'
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

/** Milliseconds for the storage; Prometheus gives all metrics up after ten seconds. */
const LONGEST_READING = 1000

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
  const count = reading(() => account()?.outbox())
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
  const breaker = reading(() => account()?.isBreakerOpen())
  const state = reading(() => account()?.machineState())
  readGauge(registry, 'capi_breaker_open', '1 while nobody here may ask CAPI.', [], async (set) => {
    const isOpen = await breaker()
    if (isOpen !== null) set({}, isOpen ? 1 : 0)
  })
  readGauge(registry, 'capi_machine_state', '1 under the state of the machine.', ['state'], async (set) => {
    const now = await state()
    if (now !== null) for (const one of MACHINE_STATES) set({ state: labelOf(one) }, one === now ? 1 : 0)
  })
}

/**
 * Reads from the storage. Null where that fails or takes too long: what cannot be read is absent, and takes no other metric with it.
 * Whoever asks while a reading is under way shares it, so that a storage that does not answer is asked once.
 */
function reading<Value>(read: () => Promise<Value> | undefined): () => Promise<Value | null> {
  let underWay: Promise<Value | null> | null = null
  return async () => {
    underWay ??= unlessFailed(read()).finally(() => {
      underWay = null
    })
    const limit = new AbortController()
    const late = pauseFor(LONGEST_READING, limit.signal).then(() => null)
    const value = await Promise.race([underWay, late])
    limit.abort()
    return value
  }
}

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
