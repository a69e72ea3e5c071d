/** A CAPI without a network, whose answer to each push is a function; it remembers what it took. And a sender before it. */

import { randomUUID } from 'node:crypto'
import type { CapiApi } from '../../src/capi/api/capi-api.js'
import { CapiError } from '../../src/capi/capi-error.js'
import type { Machines } from '../../src/capi/machines/machines.js'
import type { Signal } from '../../src/capi/signals/signal.js'
import { SignalSender, type SignalSenderOptions } from '../../src/signals/sending/signal-sender.js'
import type { MemoryStorage } from '../../src/signals/storage/memory-storage.js'

export const MACHINE = 'a'.repeat(48)

/** What CAPI makes of a push: takes it, or throws. */
export type Answer = (signals: readonly Signal[], push: number) => Promise<void> | void

export function refuse(status: number, retryAfter?: number): never {
  const code = status === 401 || status === 403 ? 'ERR_CSB_CAPI_AUTH' : 'ERR_CSB_CAPI_STATUS'
  throw new CapiError(code, `CAPI answered ${status}`, { status, retryAfter })
}

/** 400 where one of these is in the request. */
export function refuseThese(poison: ReadonlySet<string>, status = 400): Answer {
  return (signals) => {
    if (signals.some(({ uuid }) => poison.has(uuid))) refuse(status)
  }
}

export function signalsOf(machineId: string, count: number): Signal[] {
  const at = '2026-01-02T03:04:05.000000Z'
  return Array.from({ length: count }, (_, index) => ({
    uuid: randomUUID(),
    machine_id: machineId,
    message: '',
    scenario: 'acme/scan',
    scenario_hash: '',
    scenario_version: '',
    scenario_trust: 'manual',
    source: { scope: 'ip', value: `192.0.2.${index % 256}` },
    created_at: at,
    start_at: at,
    stop_at: at,
    context: [],
    decisions: [],
  }))
}

export class ScriptedCapi {
  /** How often each uuid was taken. */
  readonly taken = new Map<string, number>()
  /** How many signals each push held. */
  readonly pushes: number[] = []
  /** How many milliseconds each push was given. */
  readonly deadlines: number[] = []
  /** What the sender waited for, in milliseconds. */
  readonly waits: number[] = []
  now = 0
  answer: Answer
  /** Runs before the token is there, where a machine would register or log in. */
  beforeToken: (machineId: string) => Promise<void> | void = () => {}

  /** Machines of which a request counts as answered. */
  readonly answered: string[] = []

  constructor(answer: Answer = () => {}) {
    this.answer = answer
  }

  readonly api: Pick<CapiApi, 'pushSignals'> = {
    pushSignals: async (_token, signals, { deadline, signal }) => {
      signal.throwIfAborted()
      this.deadlines.push(deadline)
      this.pushes.push(signals.length)
      await this.answer(signals, this.pushes.length)
      for (const { uuid } of signals) this.taken.set(uuid, (this.taken.get(uuid) ?? 0) + 1)
    },
  }

  readonly machines: Pick<Machines, 'withToken' | 'standing'> = {
    standing: async () => null,
    withToken: async (machineId, _signal, request) => {
      await this.beforeToken(machineId)
      const result = await request('token')
      this.answered.push(machineId)
      return result
    },
  }

  /** Its waits take no time but move its clock. */
  sender(storage: MemoryStorage, over: Partial<SignalSenderOptions> = {}): SignalSender {
    return new SignalSender({
      api: this.api,
      machines: this.machines,
      storage: storage.signals,
      now: () => this.now,
      pause: async (milliseconds) => {
        this.waits.push(milliseconds)
        this.now += milliseconds
      },
      ...over,
    })
  }

  /** Uuids that were taken more than once. */
  get duplicates(): string[] {
    return [...this.taken].filter(([, times]) => times > 1).map(([uuid]) => uuid)
  }
}
