/** The outbox done the slow and obvious way, and random lives of an outbox that are led on both. */

import fc from 'fast-check'
import { expect } from 'vitest'
import type { StorageOptions } from '../../src/signals/storage/outbox-limits.js'
import type { SignalState, SignalStorage, StoredSignal } from '../../src/signals/storage/signal-storage.js'
import { signalOf } from './storage-behaviour.js'

interface Row {
  uuid: string
  machineId: string
  state: SignalState
  storedAt: number
  sentAt: number | null
  reason: string | null
  owner: string | null
  from: number
  until: number
}

const LIMITS = { maxSignals: 8, maxAge: 400_000 }
const MACHINES = ['m1', 'm2']
const STATES: readonly SignalState[] = ['sent', 'quarantined', 'queued']

class Oracle {
  now = 1_800_000_000_000
  rows: Row[] = []

  add(uuids: readonly string[]) {
    const summary = { added: 0, known: 0, dropped: 0 }
    for (const uuid of uuids) {
      if (this.find(uuid)) {
        summary.known++
        continue
      }
      const row: Row = { uuid, machineId: machineIdOf(uuid), state: 'queued', storedAt: this.now, ...UNSET }
      this.rows.push(row)
      summary.added++
    }
    for (const row of [...this.rows]) if (row.storedAt < this.now - LIMITS.maxAge) summary.dropped += this.#drop(row)
    while (this.rows.length > LIMITS.maxSignals) {
      const state = STATES.find((one) => this.rows.some((row) => row.state === one))
      let oldest: Row | undefined
      for (const row of this.rows)
        if (row.state === state && (oldest === undefined || row.storedAt < oldest.storedAt)) oldest = row
      if (oldest !== undefined) summary.dropped += this.#drop(oldest)
    }
    return summary
  }

  #drop(row: Row): number {
    this.rows = this.rows.filter((one) => one !== row)
    return row.state === 'sent' ? 0 : 1
  }

  find(uuid: string): Row | undefined {
    return this.rows.find((row) => row.uuid === uuid)
  }

  free(machineId: string): Row[] {
    return this.rows.filter((row) => {
      if (row.machineId !== machineId || row.state !== 'queued') return false
      if (row.owner === null) return true
      return this.now >= row.until || this.now < row.from - 60_000
    })
  }

  listed(): StoredSignal[] {
    return this.rows.map(({ uuid, machineId, state, storedAt, sentAt, reason }) => {
      return { signal: signalOf(uuid, machineId), state, storedAt, sentAt, reason }
    })
  }
}

const UNSET = { sentAt: null, reason: null, owner: null, from: 0, until: 0 }

const machineIdOf = (uuid: string) => MACHINES[Number(uuid) % MACHINES.length] ?? 'm1'

interface World {
  readonly oracle: Oracle
  readonly signals: SignalStorage
}

type Step = (world: World) => Promise<void>

/** A step that fast-check can show. */
function step<Input>(name: string, input: fc.Arbitrary<Input>, run: (world: World, input: Input) => Promise<void>) {
  return input.map((value) => Object.assign((world: World) => run(world, value), { toString: () => show(name, value) }))
}

const show = (name: string, value: unknown) => `${name}(${JSON.stringify(value)})`

const uuid = fc.integer({ min: 0, max: 15 }).map(String)
const uuids = fc.array(uuid, { maxLength: 6 })
const owner = fc.constantFrom('a', 'b')
const machineId = fc.constantFrom(...MACHINES)

const steps: fc.Arbitrary<Step> = fc.oneof(
  step('clock', fc.integer({ min: -150_000, max: 150_000 }), async ({ oracle }, milliseconds) => {
    oracle.now += milliseconds
  }),
  step('add', uuids, async ({ oracle, signals }, given) => {
    const summary = await signals.add(given.map((one) => signalOf(one, machineIdOf(one))))
    expect(summary).toEqual(oracle.add(given))
  }),
  step(
    'claim',
    fc.record({ machineId, limit: fc.integer({ min: 1, max: 4 }), owner, lease: fc.integer({ min: 1, max: 200_000 }) }),
    async ({ oracle, signals }, request) => {
      const rows = oracle.free(request.machineId).slice(0, request.limit)
      for (const row of rows) {
        row.owner = request.owner
        row.from = oracle.now
        row.until = oracle.now + request.lease
      }
      expect((await signals.claim(request)).map((signal) => signal.uuid)).toEqual(rows.map((row) => row.uuid))
    },
  ),
  step('markSent', fc.record({ uuids, keep: fc.boolean() }), async ({ oracle, signals }, { uuids, keep }) => {
    await signals.markSent(uuids, { keep })
    if (!keep) oracle.rows = oracle.rows.filter((row) => !uuids.includes(row.uuid))
    for (const row of oracle.rows.filter((one) => uuids.includes(one.uuid) && one.state !== 'sent'))
      Object.assign(row, UNSET, { state: 'sent', sentAt: oracle.now })
  }),
  step('release', fc.record({ uuids, owner }), async ({ oracle, signals }, { uuids, owner }) => {
    await signals.release(uuids, owner)
    for (const row of oracle.rows) if (uuids.includes(row.uuid) && row.owner === owner) row.owner = null
  }),
  step('quarantine', fc.record({ uuid, reason: fc.string() }), async ({ oracle, signals }, { uuid, reason }) => {
    await signals.quarantine(uuid, reason)
    const row = oracle.find(uuid)
    if (row && row.state !== 'sent') Object.assign(row, UNSET, { state: 'quarantined', reason })
  }),
  step('requeue', fc.option(machineId), async ({ oracle, signals }, machine) => {
    const rows = oracle.rows.filter(
      (row) => row.state === 'quarantined' && (machine ?? row.machineId) === row.machineId,
    )
    for (const row of rows) Object.assign(row, { state: 'queued', reason: null })
    expect(await signals.requeue(machine === null ? {} : { machineId: machine })).toBe(rows.length)
  }),
  step(
    'prune',
    fc.record({ state: fc.constantFrom(...STATES), machineId, olderThan: fc.nat(300_000) }, { requiredKeys: [] }),
    async ({ oracle, signals }, filter) => {
      const rest = oracle.rows.filter(
        (row) =>
          (filter.state ?? row.state) !== row.state ||
          (filter.machineId ?? row.machineId) !== row.machineId ||
          (filter.olderThan !== undefined && row.storedAt >= oracle.now - filter.olderThan),
      )
      expect(await signals.prune(filter)).toBe(oracle.rows.length - rest.length)
      oracle.rows = rest
    },
  ),
)

async function compare({ oracle, signals }: World): Promise<void> {
  expect(await signals.list({ limit: 100 })).toEqual(oracle.listed())
  const free = MACHINES.flatMap((one) => oracle.free(one))
  const oldestFirst = oracle.rows.filter((row) => free.includes(row)).map(({ machineId }) => machineId)
  expect(await signals.machinesWithQueued()).toEqual([...new Set(oldestFirst)])
  const queued = oracle.rows.filter((row) => row.state === 'queued')
  expect(await signals.counts()).toEqual({
    queued: queued.length,
    sent: oracle.rows.filter((row) => row.state === 'sent').length,
    quarantined: oracle.rows.filter((row) => row.state === 'quarantined').length,
    oldestQueuedAt: queued.length === 0 ? null : Math.min(...queued.map((row) => row.storedAt)),
  })
}

/** Leads `numRuns` random lives, one after the other, in one outbox that is emptied in between. */
export async function compareWithOracle(
  open: (options: StorageOptions) => Promise<{ readonly signals: SignalStorage }>,
  numRuns: number,
): Promise<void> {
  let oracle = new Oracle()
  const { signals } = await open({ limits: LIMITS, clock: () => oracle.now })
  const life = fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 40 }), async (taken) => {
    await signals.prune({})
    oracle = new Oracle()
    for (const one of taken) {
      await one({ oracle, signals })
      await compare({ oracle, signals })
    }
  })
  await fc.assert(life, { numRuns, endOnFailure: false })
}
