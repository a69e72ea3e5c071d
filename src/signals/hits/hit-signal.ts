/** From what came together about one address to the signal that tells it. */

import { randomUUID } from 'node:crypto'
import type { Signal, SignalContext } from '../../capi/signals/signal.js'
import type { HitEntry } from './hit-entry.js'
import { consoleKey } from './request-context.js'

/** Whose signal it is, is known only when the storage is. */
export type SignalDraft = Omit<Signal, 'machine_id'>

/** `now` in Unix milliseconds. Made twice of one entry, the two have the same uuid. */
export function signalOf(entry: HitEntry, now: number): SignalDraft {
  entry.uuid ??= randomUUID()
  const { address, uuid, scenario, first, last } = entry
  return {
    uuid,
    message: entry.message === '' ? messageOf(entry) : entry.message,
    scenario,
    // Nobody read a scenario of the hub here: there is no hash or version to tell, and by its rules (engine 1.5 to 1.7) a name
    // that is just said is `manual`, as with the SDKs. `certified` would be false, `custom` means a scenario file of one's own.
    scenario_hash: '',
    scenario_version: '',
    scenario_trust: 'manual',
    source: { scope: 'ip', value: address, ip: address },
    created_at: new Date(now).toISOString(),
    start_at: new Date(first).toISOString(),
    stop_at: new Date(last).toISOString(),
    context: contextOf(entry),
    decisions: [],
  }
}

function messageOf({ kind, address, scenario, count, action, origin, first, last }: HitEntry): string {
  const seconds = Math.ceil((last - first) / 1000)
  const during = count === 1 ? '' : ` over ${seconds}s`
  if (kind === 'reported') return `Ip ${address} performed '${scenario}' (${count} ${plural(count, 'event')}${during})`
  return `Ip ${address} got a ${action} by a decision of ${origin} (${count} ${plural(count, 'request')}${during})`
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`
}

function contextOf({ kind, count, action, origin, type, context }: HitEntry): SignalContext[] {
  const blocked = kind === 'blocked'
  const figures = { hits: String(count), ...(blocked ? { action, decision_origin: origin, decision_type: type } : {}) }
  const own = context.flatMap(({ key, texts }) => {
    const told = blocked ? consoleKey(key) : key
    return texts.map((value) => ({ key: told, value }))
  })
  return [...Object.entries(figures).map(([key, value]) => ({ key, value })), ...own]
}
