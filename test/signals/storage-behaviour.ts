/** What every storage does, as one table that is run over each of them. */

import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { LoginClaim, MachineRecord, MachineStorage } from '../../src/capi/machines/machine-storage.js'
import type { Signal } from '../../src/capi/signals/signal.js'
import { CLOCK_TOLERANCE } from '../../src/signals/storage/lease.js'
import type { StorageOptions } from '../../src/signals/storage/outbox-limits.js'
import type { SignalStorage } from '../../src/signals/storage/signal-storage.js'
import type { Storage } from '../../src/signals/storage/storage.js'

/** Opens an empty storage; whoever gives it closes it. */
export type OpenEmpty = (options: StorageOptions) => Promise<Storage>

const START = 1_800_000_000_000
const MINUTE = 60_000

export function signalOf(uuid: string, machineId = 'm1'): Signal {
  const time = '2026-01-02T03:04:05Z'
  return {
    uuid,
    machine_id: machineId,
    message: 'many failed logins',
    scenario: 'crowdsecurity/ssh-bf',
    scenario_hash: '',
    scenario_version: '',
    scenario_trust: 'certified',
    source: { scope: 'ip', value: '192.0.2.1', ip: '192.0.2.1', latitude: 1.5 },
    created_at: time,
    start_at: time,
    stop_at: time,
    context: [{ key: 'path', value: '/login' }],
    decisions: [],
  }
}

export function signalsOf(count: number, prefix = 's', machineId = 'm1'): Signal[] {
  return Array.from({ length: count }, (_, index) => signalOf(`${prefix}${String(index).padStart(5, '0')}`, machineId))
}

export function machineOf(machineId: string, changes: Partial<MachineRecord> = {}): MachineRecord {
  return {
    machineId,
    password: `password of ${machineId}`,
    isGiven: false,
    api: null,
    token: null,
    tokenExpiresAt: null,
    scenarios: [],
    standing: { state: 'active' },
    createdAt: START,
    ...changes,
  }
}

function claimLoginOf(from: number, changes: Partial<LoginClaim> = {}): LoginClaim {
  const owner = randomUUID()
  return { owner, machineId: owner, from, until: from + MINUTE, ...changes }
}

/** Of a machine that nobody else logs in for: 0 where it is taken, else when the next one is free. */
export async function takeLogin(
  machines: MachineStorage,
  now: number,
  window: number,
  budget: number,
): Promise<number> {
  const permit = await machines.takeLogin(claimLoginOf(now), { window, budget })
  if (permit === 'under way') throw new Error('nobody else logs in for it')
  return permit === 'taken' ? 0 : permit.freeIn
}

const uuidsOf = (signals: readonly Signal[]) => signals.map(({ uuid }) => uuid)
const namesOf = (...uuids: string[]) => uuids.map((uuid) => signalOf(uuid))
const claimOf = { machineId: 'm1', limit: 100, owner: 'a', lease: MINUTE }

async function uuidsIn(signals: SignalStorage, state: 'queued' | 'sent' | 'quarantined'): Promise<string[]> {
  return (await signals.list({ state, limit: 10_000 })).map(({ signal }) => signal.uuid)
}

interface Bench extends Pick<Storage, 'machines' | 'signals'> {
  readonly time: { now: number }
}

interface Behaviour {
  readonly limits?: StorageOptions['limits']
  readonly prove: (bench: Bench) => Promise<void>
}

const signals: Readonly<Record<string, Behaviour | Behaviour['prove']>> = {
  'gives signals back as they came': async ({ signals }) => {
    const odd = { ...signalOf('odd'), message: '"\\ \u0000 \ud800 \u{1f980} \r\n\u2028', alert_id: 2 ** 40 }
    await signals.add([odd, signalOf('plain')])
    expect(await signals.claim(claimOf)).toEqual([odd, signalOf('plain')])
  },
  'adds nothing where there is nothing': async ({ signals }) => {
    expect(await signals.add([])).toEqual({ added: 0, known: 0, dropped: 0 })
    expect(await signals.counts()).toEqual({ queued: 0, sent: 0, quarantined: 0, oldestQueuedAt: null })
    expect(await signals.claim(claimOf)).toEqual([])
    expect(await signals.machinesWithQueued()).toEqual([])
  },
  'leaves a known uuid as it is, whatever its state': async ({ signals }) => {
    await signals.add(namesOf('queued', 'sent', 'bad'))
    await signals.markSent(['sent'], { keep: true })
    await signals.quarantine('bad', 'because')
    const again = ['queued', 'sent', 'bad', 'new', 'new'].map((uuid) => ({ ...signalOf(uuid), message: 'changed' }))
    expect(await signals.add(again)).toEqual({ added: 1, known: 4, dropped: 0 })
    const stored = await signals.list({ limit: 10 })
    expect(stored.map(({ signal, state }) => [signal.uuid, state, signal.message])).toEqual([
      ['queued', 'queued', 'many failed logins'],
      ['sent', 'sent', 'many failed logins'],
      ['bad', 'quarantined', 'many failed logins'],
      ['new', 'queued', 'changed'],
    ])
  },
  'gives the oldest of one machine, and each once': async ({ signals }) => {
    await signals.add([signalOf('1'), signalOf('other', 'm2'), ...namesOf('2', '3')])
    expect(uuidsOf(await signals.claim({ ...claimOf, limit: 2 }))).toEqual(['1', '2'])
    expect(uuidsOf(await signals.claim({ ...claimOf, owner: 'b' }))).toEqual(['3'])
    expect(await signals.claim(claimOf)).toEqual([])
    expect(uuidsOf(await signals.claim({ ...claimOf, machineId: 'm2' }))).toEqual(['other'])
  },
  'gives each once to many who claim at a time': async ({ signals }) => {
    await signals.add(signalsOf(600))
    const claims = Array.from({ length: 20 }, (_, index) =>
      signals.claim({ ...claimOf, owner: `owner ${index}`, limit: 50 }),
    )
    const claimed = (await Promise.all(claims)).flatMap(uuidsOf)
    while (claimed.length < 600) {
      const more = await signals.claim(claimOf)
      expect(more).not.toEqual([])
      claimed.push(...uuidsOf(more))
    }
    expect(claimed.sort()).toEqual(uuidsOf(signalsOf(600)))
  },
  'lets others claim once the lease has run out, not before': async ({ signals, time }) => {
    await signals.add(namesOf('1'))
    await signals.claim(claimOf)
    time.now += MINUTE - 1
    expect(await signals.claim({ ...claimOf, owner: 'b' })).toEqual([])
    expect(await signals.machinesWithQueued()).toEqual([])
    time.now += 1
    expect(await signals.machinesWithQueued()).toEqual(['m1'])
    expect(uuidsOf(await signals.claim({ ...claimOf, owner: 'b' }))).toEqual(['1'])
  },
  'holds no lease for ever where the clock is set back': async ({ signals, time }) => {
    await signals.add(namesOf('1'))
    await signals.claim(claimOf)
    time.now -= CLOCK_TOLERANCE
    expect(await signals.claim({ ...claimOf, owner: 'b' })).toEqual([])
    time.now -= 1
    expect(await signals.machinesWithQueued()).toEqual(['m1'])
    expect(uuidsOf(await signals.claim({ ...claimOf, owner: 'b' }))).toEqual(['1'])
  },
  'takes back those that the owner holds, into their old place': async ({ signals, time }) => {
    await signals.add(namesOf('1', '2', '3'))
    await signals.claim({ ...claimOf, limit: 2 })
    time.now += MINUTE
    await signals.claim({ ...claimOf, limit: 1, owner: 'b' })
    await signals.release(['1', '2', '3', 'unknown'], 'a')
    expect(uuidsOf(await signals.claim({ ...claimOf, owner: 'c' }))).toEqual(['2', '3'])
    await signals.release(['1'], 'b')
    expect(uuidsOf(await signals.claim({ ...claimOf, owner: 'c' }))).toEqual(['1'])
  },
  'marks as sent, also what another one holds or has put in quarantine': async ({ signals, time }) => {
    await signals.add(namesOf('1', '2', '3'))
    await signals.claim(claimOf)
    time.now += MINUTE
    await signals.claim({ ...claimOf, owner: 'b', limit: 1 })
    await signals.quarantine('2', 'because')
    await signals.markSent(['1', '2', 'unknown'], { keep: true })
    const sent = { state: 'sent', storedAt: START, sentAt: START + MINUTE, reason: null }
    expect(await signals.list({ state: 'sent', limit: 10 })).toEqual([
      { ...sent, signal: signalOf('1') },
      { ...sent, signal: signalOf('2') },
    ])
    time.now += MINUTE
    await signals.markSent(['1'], { keep: true })
    expect((await signals.list({ limit: 1 }))[0]?.sentAt).toBe(START + MINUTE)
    await signals.release(['1', '2'], 'b')
    expect(uuidsOf(await signals.claim(claimOf))).toEqual(['3'])
  },
  'forgets what is sent where it is not to be kept': async ({ signals }) => {
    await signals.add(namesOf('1', '2'))
    await signals.markSent(['1', 'unknown'], { keep: false })
    expect((await signals.list({ limit: 10 })).map(({ signal }) => signal.uuid)).toEqual(['2'])
  },
  'keeps in quarantine with the reason, until it is queued again': async ({ signals }) => {
    await signals.add([...namesOf('1', '2', '3'), signalOf('other', 'm2')])
    await signals.claim(claimOf)
    await signals.quarantine('2', 'CAPI: "no" \u{1f980}')
    await signals.quarantine('other', 'no')
    await signals.quarantine('unknown', 'no')
    expect(await signals.list({ state: 'quarantined', machineId: 'm1', limit: 10 })).toEqual([
      { signal: signalOf('2'), state: 'quarantined', storedAt: START, sentAt: null, reason: 'CAPI: "no" \u{1f980}' },
    ])
    await signals.release(['1', '2', '3'], 'a')
    expect(uuidsOf(await signals.claim(claimOf))).toEqual(['1', '3'])
    await signals.release(['1', '3'], 'a')
    expect(await signals.requeue({ machineId: 'm1' })).toBe(1)
    expect(uuidsOf(await signals.claim(claimOf))).toEqual(['1', '2', '3'])
    expect(await signals.requeue({})).toBe(1)
    expect((await signals.list({ machineId: 'm2', limit: 1 }))[0]).toMatchObject({ state: 'queued', reason: null })
  },
  'does not put in quarantine what is sent': async ({ signals }) => {
    await signals.add(namesOf('1'))
    await signals.markSent(['1'], { keep: true })
    await signals.quarantine('1', 'no')
    expect(await uuidsIn(signals, 'sent')).toEqual(['1'])
  },
  'names the machines with something to send': async ({ signals }) => {
    await signals.add(['m3', 'm1', 'm2', 'm4', 'm1'].map((machine, index) => signalOf(String(index), machine)))
    await signals.claim({ ...claimOf, machineId: 'm2' })
    await signals.markSent(['0'], { keep: true })
    expect(await signals.machinesWithQueued()).toEqual(['m1', 'm4'])
  },
  'names first the machine whose signal has waited longest, so that each gets its turn': async ({ signals, time }) => {
    await signals.add(['m3', 'm1', 'm2'].map((machine) => signalOf(`old ${machine}`, machine)))
    time.now += 1
    await signals.add(['m0', 'm1', 'm3'].map((machine) => signalOf(`new ${machine}`, machine)))
    expect(await signals.machinesWithQueued()).toEqual(['m3', 'm1', 'm2', 'm0'])
    await signals.markSent(['old m3'], { keep: true })
    await signals.quarantine('old m1', 'no')
    expect(await signals.machinesWithQueued()).toEqual(['m2', 'm0', 'm1', 'm3'])
    await signals.claim({ ...claimOf, machineId: 'm2' })
    await signals.requeue({})
    expect(await signals.machinesWithQueued()).toEqual(['m1', 'm0', 'm3'])
  },
  'lists in the order in which they came': async ({ signals }) => {
    await signals.add([...namesOf('b', 'a'), signalOf('x', 'm2'), ...namesOf('d', 'c')])
    const list = async (filter: Parameters<SignalStorage['list']>[0]) =>
      (await signals.list(filter)).map(({ signal }) => signal.uuid)
    expect(await list({ limit: 3 })).toEqual(['b', 'a', 'x'])
    expect(await list({ limit: 3, offset: 3 })).toEqual(['d', 'c'])
    expect(await list({ limit: 9, machineId: 'm1', offset: 1 })).toEqual(['a', 'd', 'c'])
    expect(await list({ limit: 9, state: 'sent' })).toEqual([])
  },
  'counts, in all and for one machine': async ({ signals, time }) => {
    await signals.add(namesOf('1', '2'))
    time.now += 5
    await signals.add([...namesOf('3', '4'), signalOf('other', 'm2')])
    await signals.markSent(['1', '2'], { keep: true })
    await signals.quarantine('3', 'no')
    expect(await signals.counts()).toEqual({ queued: 2, sent: 2, quarantined: 1, oldestQueuedAt: START + 5 })
    const none = { queued: 0, sent: 0, quarantined: 0, oldestQueuedAt: null }
    expect(await signals.counts({ machineId: 'm2' })).toEqual({ ...none, queued: 1, oldestQueuedAt: START + 5 })
    expect(await signals.counts({ machineId: 'm3' })).toEqual(none)
    time.now += 5
    expect(await signals.counts({ olderThan: 5 })).toEqual({ ...none, sent: 2 })
    expect(await signals.counts({ olderThan: 4, machineId: 'm2' })).toMatchObject({ queued: 1 })
    expect(await signals.list({ olderThan: 5, limit: 9 })).toHaveLength(2)
  },
  'deletes by state, machine and age': async ({ signals, time }) => {
    await signals.add([...namesOf('old', 'old sent'), signalOf('old other', 'm2')])
    time.now += 1000
    await signals.add(namesOf('new', 'new sent'))
    await signals.markSent(['old sent', 'new sent'], { keep: true })
    expect(await signals.prune({ olderThan: 1000 })).toBe(0)
    expect(await signals.prune({ olderThan: 999, state: 'sent' })).toBe(1)
    expect(await signals.prune({ olderThan: 0, machineId: 'm2' })).toBe(1)
    expect(await signals.prune({ state: 'sent' })).toBe(1)
    expect(await signals.prune({})).toBe(2)
  },
  'does all of it also with more than one statement takes': async ({ signals }) => {
    const many = signalsOf(1234)
    expect(await signals.add(many)).toEqual({ added: 1234, known: 0, dropped: 0 })
    expect(await signals.add(signalsOf(1300))).toEqual({ added: 66, known: 1234, dropped: 0 })
    expect(await signals.claim({ ...claimOf, limit: 1300 })).toEqual(signalsOf(1300))
    await signals.release(uuidsOf(many), 'a')
    expect(uuidsOf(await signals.claim({ ...claimOf, limit: 1300 }))).toEqual(uuidsOf(many))
    await signals.markSent(uuidsOf(many).slice(0, 700), { keep: true })
    await signals.markSent(uuidsOf(many).slice(700, 1000), { keep: false })
    for (const { uuid } of many.slice(1000)) await signals.quarantine(uuid, 'no')
    expect(await signals.counts()).toMatchObject({ queued: 66, sent: 700, quarantined: 234 })
    expect(await signals.requeue({})).toBe(234)
    expect(await signals.prune({ state: 'queued' })).toBe(300)
    expect(await signals.prune({})).toBe(700)
  },
  'drops the oldest queued above the limit, if nothing else is there': {
    limits: { maxSignals: 3 },
    prove: async ({ signals, time }) => {
      await signals.add(namesOf('1', '2'))
      time.now += 1
      expect(await signals.add(namesOf('3', '4'))).toEqual({ added: 2, known: 0, dropped: 1 })
      expect(await uuidsIn(signals, 'queued')).toEqual(['2', '3', '4'])
      expect(await signals.add(signalsOf(1000))).toEqual({ added: 1000, known: 0, dropped: 1000 })
      expect(await uuidsIn(signals, 'queued')).toEqual(['s00997', 's00998', 's00999'])
    },
  },
  'drops first what was sent, then what is in quarantine': {
    limits: { maxSignals: 4 },
    prove: async ({ signals }) => {
      await signals.add(namesOf('queued', 'bad', 'sent', 'bad too'))
      await signals.markSent(['sent'], { keep: true })
      await signals.quarantine('bad', 'no')
      await signals.quarantine('bad too', 'no')
      expect(await signals.add(namesOf('1'))).toEqual({ added: 1, known: 0, dropped: 0 })
      expect(await uuidsIn(signals, 'sent')).toEqual([])
      expect(await signals.add(namesOf('2'))).toEqual({ added: 1, known: 0, dropped: 1 })
      expect(await uuidsIn(signals, 'quarantined')).toEqual(['bad too'])
      expect(await signals.add(namesOf('3', '4'))).toEqual({ added: 2, known: 0, dropped: 2 })
      expect(await uuidsIn(signals, 'queued')).toEqual(['1', '2', '3', '4'])
    },
  },
  'holds at most a hundredth more than the limit, and none where it is asked to keep it': {
    limits: { maxSignals: 200 },
    prove: async ({ signals }) => {
      let dropped = (await signals.add(signalsOf(200))).dropped
      for (let index = 0; index < 20; index++) {
        dropped += (await signals.add(namesOf(`single ${index}`))).dropped
        const { queued } = await signals.counts()
        expect(queued).toBe(220 - (19 - index) - dropped)
        expect(queued).toBeGreaterThanOrEqual(200)
        expect(queued).toBeLessThanOrEqual(202)
      }
      await signals.add([])
      expect(await signals.counts()).toMatchObject({ queued: 200 })
    },
  },
  'drops what is too old, in every state': {
    limits: { maxAge: MINUTE },
    prove: async ({ signals, time }) => {
      await signals.add(namesOf('queued', 'sent', 'bad'))
      await signals.markSent(['sent'], { keep: true })
      await signals.quarantine('bad', 'no')
      time.now += MINUTE
      expect(await signals.add(namesOf('new'))).toEqual({ added: 1, known: 0, dropped: 0 })
      time.now += 1
      // Also where nothing is added.
      expect(await signals.add([])).toEqual({ added: 0, known: 0, dropped: 2 })
      expect((await signals.list({ limit: 9 })).map(({ signal }) => signal.uuid)).toEqual(['new'])
    },
  },
  'keeps for a week where no limit is given': async ({ signals, time }) => {
    await signals.add(namesOf('1'))
    time.now += 7 * 24 * 60 * MINUTE
    expect(await signals.add([])).toMatchObject({ dropped: 0 })
    time.now += 1
    expect(await signals.add([])).toMatchObject({ dropped: 1 })
  },
}

const machines: Readonly<Record<string, Behaviour['prove']>> = {
  'never overwrites a machine': async ({ machines }) => {
    expect(await machines.get('m1')).toBeNull()
    expect(await machines.add(machineOf('m1'))).toBe(true)
    expect(await machines.add(machineOf('m1', { password: 'another', token: 'x' }))).toBe(false)
    expect(await machines.get('m1')).toEqual(machineOf('m1'))
  },
  'lets one of many add a machine': async ({ machines }) => {
    const tries = Array.from({ length: 10 }, (_, index) => machines.add(machineOf('m1', { password: `p${index}` })))
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1)
  },
  'lets one of many add the first machine': async ({ machines }) => {
    const tries = Array.from({ length: 10 }, (_, index) => machines.addFirst(machineOf(`m${index}`)))
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1)
    expect(await machines.list()).toHaveLength(1)
    expect(await machines.addFirst(machineOf('late'))).toBe(false)
    expect(await machines.get('late')).toBeNull()
  },
  'changes the given fields and no others': async ({ machines }) => {
    await machines.add(machineOf('m1'))
    await machines.add(machineOf('m2'))
    expect((await machines.get('m1'))?.isGiven).toBe(false)
    await machines.update('m1', { isGiven: true, password: 'given' })
    expect(await machines.get('m1')).toEqual(machineOf('m1', { isGiven: true, password: 'given' }))
    await machines.update('m1', { isGiven: false, password: machineOf('m1').password })
    const granted = { token: 'token', tokenExpiresAt: START + 0.5, scenarios: ['a/b', 'c/d'] }
    const confirmed = { api: 'https://capi.test/v3/' }
    await machines.update('m1', confirmed)
    await machines.update('m1', granted)
    expect(await machines.get('m1')).toEqual(machineOf('m1', { ...confirmed, ...granted }))
    await machines.update('m1', { token: null, tokenExpiresAt: null })
    await machines.update('m1', {})
    await machines.update('unknown', { token: 'x' })
    expect(await machines.get('m1')).toEqual(machineOf('m1', { ...confirmed, scenarios: granted.scenarios }))
    expect(await machines.get('m2')).toEqual(machineOf('m2'))
  },
  'keeps every standing': async ({ machines }) => {
    await machines.add(machineOf('m1'))
    const pause = { until: START + 0.25, pause: 10.5, message: 'because "of" that' }
    for (const standing of [
      { state: 'backing off', failures: 3, ...pause },
      { state: 'blocked', reason: 'forbidden', ...pause },
      { state: 'blocked', reason: 'registered elsewhere', message: '', until: null, pause: null },
      { state: 'active' },
    ] as const) {
      await machines.update('m1', { standing })
      expect((await machines.get('m1'))?.standing).toEqual(standing)
    }
  },
  'lists the oldest first, and removes': async ({ machines }) => {
    await machines.add(machineOf('new', { createdAt: START + 2 }))
    await machines.add(machineOf('old', { createdAt: START }))
    await machines.add(machineOf('middle', { createdAt: START + 1 }))
    await machines.remove(['middle', 'unknown'])
    expect((await machines.list()).map(({ machineId }) => machineId)).toEqual(['old', 'new'])
    await machines.remove([])
    await machines.remove(['old', 'new'])
    expect(await machines.list()).toEqual([])
  },
  'remembers the breaker': async ({ machines }) => {
    expect(await machines.breaker()).toBeNull()
    for (const message of ['first', 'second']) {
      const breaker = { until: START + 0.5, pause: 100, message }
      await machines.setBreaker(breaker)
      expect(await machines.breaker()).toEqual(breaker)
    }
    await machines.setBreaker(null)
    expect(await machines.breaker()).toBeNull()
  },
  'gives a login out of the budget, and says when the next is free': async ({ machines }) => {
    expect(await takeLogin(machines, 1000, 100, 2)).toBe(0)
    expect(await takeLogin(machines, 1030, 100, 2)).toBe(0)
    expect(await takeLogin(machines, 1040, 100, 2)).toBe(60)
    expect(await takeLogin(machines, 1099, 100, 2)).toBe(1)
    expect(await takeLogin(machines, 1100, 100, 2)).toBe(0)
    expect(await takeLogin(machines, 1110, 100, 2)).toBe(20)
    // Two must leave before one is free where the budget is smaller than it was.
    expect(await takeLogin(machines, 1110, 100, 1)).toBe(90)
  },
  'gives no login twice to many who take one at a time': async ({ machines }) => {
    const waits = await Promise.all(Array.from({ length: 30 }, () => takeLogin(machines, START, 1000, 7)))
    expect(waits.filter((wait) => wait === 0)).toHaveLength(7)
    expect(new Set(waits)).toEqual(new Set([0, 1000]))
  },
  'says when the next is free also where the clock went back a little': async ({ machines }) => {
    await takeLogin(machines, 1030, 100, 2)
    await takeLogin(machines, 1000, 100, 2)
    expect(await takeLogin(machines, 1040, 100, 2)).toBe(60)
  },
  'counts a login that lies a little ahead, not one of a clock that was set back': async ({ machines }) => {
    await takeLogin(machines, 1050, 100, 1)
    expect(await takeLogin(machines, 1000, 100, 1)).toBe(150)
    expect(await takeLogin(machines, 949, 100, 1)).toBe(0)
  },
  'lets one at a time log in for a machine, until that has ended': async ({ machines }) => {
    const limit = { window: 100_000, budget: 9 }
    const claim = (owner: string, from: number, machineId = 'm1') =>
      machines.takeLogin({ owner, machineId, from, until: from + 30 }, limit)
    expect(await claim('a', 1000)).toBe('taken')
    expect(await claim('b', 1000)).toBe('under way')
    expect(await claim('b', 1029)).toBe('under way')
    expect(await claim('c', 1029, 'm2')).toBe('taken')
    await machines.endLogin('a', 1029)
    expect(await claim('b', 1029)).toBe('taken')
    await machines.endLogin('a', 1030)
    await machines.endLogin('unknown', null)
    expect(await claim('d', 1030)).toBe('under way')
    await machines.endLogin('b', null)
    expect(await claim('d', 1030)).toBe('taken')
  },
  'lets another take over from one that never ends': async ({ machines }) => {
    const limit = { window: 200_000, budget: 9 }
    const claim = (owner: string, from: number) =>
      machines.takeLogin({ owner, machineId: 'm1', from, until: from + 30 }, limit)
    expect(await claim('a', START)).toBe('taken')
    expect(await claim('b', START + 30)).toBe('taken')
    await machines.endLogin('a', START + 31)
    expect(await claim('c', START + 31)).toBe('under way')
    // The clock is set back.
    expect(await claim('c', START + 30 - CLOCK_TOLERANCE)).toBe('under way')
    expect(await claim('c', START + 29 - CLOCK_TOLERANCE)).toBe('taken')
  },
  'lets one of many log in for a machine': async ({ machines }) => {
    const claims = Array.from({ length: 20 }, () => claimLoginOf(START, { machineId: 'm1' }))
    const permits = await Promise.all(claims.map((claim) => machines.takeLogin(claim, { window: 1000, budget: 7 })))
    expect(permits.filter((permit) => permit === 'taken')).toHaveLength(1)
    expect(new Set(permits)).toEqual(new Set(['taken', 'under way']))
  },
  'counts a login from when it ended, and not one that is given back': async ({ machines }) => {
    const limit = { window: 100, budget: 2 }
    const [one, two, three] = [1000, 1010, 1020].map((from) => claimLoginOf(from))
    expect([await machines.takeLogin(one, limit), await machines.takeLogin(two, limit)]).toEqual(['taken', 'taken'])
    expect(await machines.takeLogin(three, limit)).toEqual({ freeIn: 80 })
    await machines.endLogin(one.owner, 1050)
    expect(await machines.takeLogin(three, limit)).toEqual({ freeIn: 90 })
    await machines.endLogin(two.owner, null)
    expect(await machines.takeLogin(three, limit)).toBe('taken')
    expect(await takeLogin(machines, 1020, 100, 2)).toBe(100)
  },
  'has as many logins as are asked for where there is no limit': async ({ machines }) => {
    for (let count = 0; count < 30; count++) expect(await takeLogin(machines, START, 1000, Infinity)).toBe(0)
  },
}

/** Runs the table over one kind of storage. */
export function describeStorage(kind: string, openEmpty: OpenEmpty): void {
  const run = (behaviour: Behaviour | Behaviour['prove']) => async () => {
    const { limits, prove } = typeof behaviour === 'function' ? { limits: {}, prove: behaviour } : behaviour
    const time = { now: START }
    const { machines, signals } = await openEmpty({ limits, clock: () => time.now })
    await prove({ machines, signals, time })
  }
  describe(`the outbox of ${kind}`, () => {
    for (const [name, behaviour] of Object.entries(signals)) it(name, run(behaviour))
  })
  describe(`the machines of ${kind}`, () => {
    for (const [name, behaviour] of Object.entries(machines)) it(name, run(behaviour))
  })
}
