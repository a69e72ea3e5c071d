/** A storage that ends with the process: for tests, and for those who can do without what was not sent yet. */

import type {
  Breaker,
  LoginClaim,
  LoginLimit,
  LoginPermit,
  MachineRecord,
  MachineStorage,
} from '../../capi/machines/machine-storage.js'
import type { Signal } from '../../capi/signals/signal.js'
import { type Claim, isHeld } from './lease.js'
import { isTaken, permit, type TakenLogin } from './login-window.js'
import { DEFAULT_LIMITS, DROP_ORDER, type StorageOptions } from './outbox-limits.js'
import type {
  AddSummary,
  ClaimRequest,
  OutboxLimits,
  SignalCounts,
  SignalFilter,
  SignalStorage,
  StoredSignal,
} from './signal-storage.js'
import type { Storage } from './storage.js'

export class MemoryStorage implements Storage {
  readonly target = 'memory'
  readonly machines: MachineStorage = new MemoryMachines()
  readonly signals: SignalStorage

  constructor({ limits, clock = Date.now }: StorageOptions = {}) {
    this.signals = new MemorySignals({ ...DEFAULT_LIMITS, ...limits }, clock)
  }

  async close(): Promise<void> {}
}

class MemoryMachines implements MachineStorage {
  readonly #machines = new Map<string, MachineRecord>()
  #logins: TakenLogin[] = []
  #breaker: Breaker | null = null

  async get(machineId: string): Promise<MachineRecord | null> {
    return this.#machines.get(machineId) ?? null
  }

  async list(): Promise<readonly MachineRecord[]> {
    return [...this.#machines.values()].sort((a, b) => a.createdAt - b.createdAt)
  }

  async add(machine: MachineRecord): Promise<boolean> {
    if (this.#machines.has(machine.machineId)) return false
    this.#machines.set(machine.machineId, { ...machine })
    return true
  }

  async addFirst(machine: MachineRecord): Promise<boolean> {
    return this.#machines.size === 0 && this.add(machine)
  }

  async update(machineId: string, changes: Partial<Omit<MachineRecord, 'machineId'>>): Promise<void> {
    const machine = this.#machines.get(machineId)
    if (machine !== undefined) this.#machines.set(machineId, { ...machine, ...changes })
  }

  async remove(machineIds: readonly string[]): Promise<void> {
    for (const machineId of machineIds) this.#machines.delete(machineId)
  }

  async takeLogin(claim: LoginClaim, limit: LoginLimit): Promise<LoginPermit> {
    const { owner, machineId, from, until } = claim
    this.#logins = this.#logins.filter(({ at }) => isTaken(at, from, limit.window))
    const answer = permit(this.#logins, claim, limit)
    if (answer === 'taken') this.#logins.push({ owner, machineId, at: from, until })
    return answer
  }

  async endLogin(owner: string, at: number | null): Promise<void> {
    const mine = this.#logins.find((login) => login.owner === owner)
    if (mine === undefined) return
    this.#logins = this.#logins.filter((login) => login !== mine)
    if (at !== null) this.#logins.push({ ...mine, at, until: null })
  }

  async breaker(): Promise<Breaker | null> {
    return this.#breaker
  }

  async setBreaker(breaker: Breaker | null): Promise<void> {
    this.#breaker = breaker
  }
}

interface Entry extends StoredSignal {
  readonly claim: Claim | null
}

class MemorySignals implements SignalStorage {
  readonly #limits: OutboxLimits
  readonly #clock: () => number
  /** In the order in which they came; changing one leaves it in its place. */
  readonly #entries = new Map<string, Entry>()
  /** Nothing was stored before. */
  #oldest = Number.POSITIVE_INFINITY

  constructor(limits: OutboxLimits, clock: () => number) {
    this.#limits = limits
    this.#clock = clock
  }

  async add(signals: readonly Signal[]): Promise<AddSummary> {
    const storedAt = this.#clock()
    const before = this.#entries.size
    for (const signal of signals) {
      if (this.#entries.has(signal.uuid)) continue
      this.#entries.set(signal.uuid, { signal, state: 'queued', storedAt, sentAt: null, reason: null, claim: null })
    }
    const added = this.#entries.size - before
    if (added > 0) this.#oldest = Math.min(this.#oldest, storedAt)
    return { added, known: signals.length - added, dropped: this.#keepLimits() }
  }

  async machinesWithQueued(): Promise<readonly string[]> {
    const machines = new Set<string>()
    for (const entry of this.#entries.values()) if (this.#isFree(entry)) machines.add(entry.signal.machine_id)
    return [...machines]
  }

  async claim({ machineId, limit, owner, lease }: ClaimRequest): Promise<readonly Signal[]> {
    const now = this.#clock()
    const claimed: Signal[] = []
    for (const entry of this.#entries.values()) {
      if (claimed.length >= limit) break
      if (entry.signal.machine_id !== machineId || !this.#isFree(entry)) continue
      this.#change(entry, { claim: { owner, from: now, until: now + lease } })
      claimed.push(entry.signal)
    }
    return claimed
  }

  async markSent(uuids: readonly string[], { keep }: { readonly keep: boolean }): Promise<void> {
    const sentAt = this.#clock()
    for (const uuid of uuids) {
      const entry = this.#entries.get(uuid)
      if (!keep) this.#entries.delete(uuid)
      else if (entry !== undefined && entry.state !== 'sent')
        this.#change(entry, { state: 'sent', sentAt, reason: null, claim: null })
    }
  }

  async release(uuids: readonly string[], owner: string): Promise<void> {
    for (const uuid of uuids) {
      const entry = this.#entries.get(uuid)
      if (entry?.claim?.owner === owner) this.#change(entry, { claim: null })
    }
  }

  async quarantine(uuid: string, reason: string): Promise<void> {
    const entry = this.#entries.get(uuid)
    if (entry !== undefined && entry.state !== 'sent')
      this.#change(entry, { state: 'quarantined', reason, claim: null })
  }

  async requeue(filter: { readonly machineId?: string }): Promise<number> {
    const entries = this.#matching({ ...filter, state: 'quarantined' })
    for (const entry of entries) this.#change(entry, { state: 'queued', reason: null })
    return entries.length
  }

  async list({
    limit,
    offset = 0,
    ...filter
  }: SignalFilter & { readonly limit: number; readonly offset?: number }): Promise<readonly StoredSignal[]> {
    return this.#matching(filter)
      .slice(offset, offset + limit)
      .map(({ claim: _, ...stored }) => stored)
  }

  async counts(filter: Omit<SignalFilter, 'state'> = {}): Promise<SignalCounts> {
    const counts = { queued: 0, sent: 0, quarantined: 0 }
    let oldestQueuedAt: number | null = null
    for (const { state, storedAt } of this.#matching(filter)) {
      counts[state]++
      if (state === 'queued') oldestQueuedAt = Math.min(oldestQueuedAt ?? storedAt, storedAt)
    }
    return { ...counts, oldestQueuedAt }
  }

  async prune(filter: SignalFilter): Promise<number> {
    const entries = this.#matching(filter)
    for (const { signal } of entries) this.#entries.delete(signal.uuid)
    return entries.length
  }

  #isFree({ state, claim }: Entry): boolean {
    return state === 'queued' && !isHeld(claim, this.#clock())
  }

  #change(entry: Entry, changes: Partial<Entry>): void {
    this.#entries.set(entry.signal.uuid, { ...entry, ...changes })
  }

  #matching({ state, machineId, olderThan }: SignalFilter): Entry[] {
    const before = olderThan === undefined ? Number.POSITIVE_INFINITY : this.#clock() - olderThan
    return [...this.#entries.values()].filter(
      (entry) =>
        entry.storedAt < before &&
        (state === undefined || entry.state === state) &&
        (machineId === undefined || entry.signal.machine_id === machineId),
    )
  }

  /** Returns how many were dropped that had not been sent. */
  #keepLimits(): number {
    const cutoff = this.#clock() - this.#limits.maxAge
    const unwanted = this.#oldest < cutoff ? this.#matching({}).filter(({ storedAt }) => storedAt < cutoff) : []
    let dropped = this.#drop(unwanted)
    for (const state of DROP_ORDER) {
      const excess = this.#entries.size - this.#limits.maxSignals
      if (excess <= 0) break
      const oldestFirst = this.#matching({ state }).sort((a, b) => a.storedAt - b.storedAt)
      dropped += this.#drop(oldestFirst.slice(0, excess))
    }
    return dropped
  }

  #drop(entries: readonly Entry[]): number {
    for (const { signal } of entries) this.#entries.delete(signal.uuid)
    if (entries.length > 0) {
      this.#oldest = Number.POSITIVE_INFINITY
      for (const { storedAt } of this.#entries.values()) this.#oldest = Math.min(this.#oldest, storedAt)
    }
    return entries.filter(({ state }) => state !== 'sent').length
  }
}
