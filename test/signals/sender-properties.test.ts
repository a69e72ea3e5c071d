/** Whatever CAPI and the storage do: no signal is lost, none is sent twice but what was in flight, and only bad ones are in quarantine. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CapiError } from '../../src/capi/capi-error.js'
import { BouncerError } from '../../src/errors.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import type { SignalState } from '../../src/signals/storage/signal-storage.js'
import { refuse, refuseThese, ScriptedCapi, signalsOf } from './scripted-capi.js'

/** `lost`: CAPI takes them and the answer does not arrive. `unmarked`: it arrives and the storage cannot mark. */
const faults = ['ok', 'ok', 'ok', 'lost', 'unmarked', 'reset', 'html', '404', '403', '429', '500', 'paused'] as const
type Fault = (typeof faults)[number]

const MACHINES = ['a', 'b', 'c'].map((letter) => letter.repeat(48))

const cases = fc.record({
  counts: fc.tuple(fc.nat(40), fc.nat(40), fc.nat(3)),
  /** Of each machine's signals; four are few enough to be told from a CAPI that refuses everything. */
  poison: fc.array(fc.nat(40), { maxLength: 4 }),
  batchSize: fc.integer({ min: 1, max: 12 }),
  senders: fc.integer({ min: 1, max: 3 }),
  runs: fc.integer({ min: 1, max: 4 }),
  faults: fc.array(fc.constantFrom<Fault>(...faults), { maxLength: 60 }),
})

describe('after any sequence of faults', () => {
  it('every signal is sent, queued or in quarantine', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ counts, poison, batchSize, senders, runs, faults }) => {
        const storage = new MemoryStorage()
        const signals = counts.flatMap((count, index) => signalsOf(MACHINES[index], count))
        await storage.signals.add(signals)
        const bad = new Set(
          MACHINES.flatMap((id) => {
            const own = signals.filter(({ machine_id }) => machine_id === id)
            return own.filter((_, index) => poison.includes(index)).map(({ uuid }) => uuid)
          }),
        )
        const inDoubt = new Map<string, number>()
        const doubt = (uuids: readonly string[]) => {
          for (const uuid of uuids) inDoubt.set(uuid, (inDoubt.get(uuid) ?? 0) + 1)
        }
        const sequence = [...faults]
        const { markSent } = storage.signals
        let markFails = false
        storage.signals.markSent = async (uuids, options) => {
          if (markFails) {
            markFails = false
            doubt(uuids)
            throw new BouncerError('ERR_CSB_STORAGE', 'the disk is full')
          }
          return markSent.call(storage.signals, uuids, options)
        }
        const capi = new ScriptedCapi(async (pushed) => {
          const fault = sequence.shift() ?? 'ok'
          const uuids = pushed.map(({ uuid }) => uuid)
          if (fault === 'reset') throw new BouncerError('ERR_CSB_CONNECTION_LOST', fault)
          if (fault === 'html') throw new CapiError('ERR_CSB_CAPI_BODY', fault, { status: 200 })
          if (fault === 'paused') throw new CapiError('ERR_CSB_CAPI_BLOCKED', fault, { retryAfter: 5 })
          if (/^\d+$/.test(fault)) refuse(Number(fault))
          if (uuids.some((uuid) => bad.has(uuid))) refuse(400)
          if (fault === 'unmarked') markFails = true
          if (fault === 'lost') {
            doubt(uuids)
            for (const uuid of uuids) capi.taken.set(uuid, (capi.taken.get(uuid) ?? 0) + 1)
            throw new BouncerError('ERR_CSB_CONNECTION_LOST', fault)
          }
          await new Promise((resolve) => setImmediate(resolve))
        })
        const all = Array.from({ length: senders }, () => capi.sender(storage))
        const uuidsIn = async (state: SignalState) =>
          (await storage.signals.list({ state, limit: 1_000 })).map(({ signal }) => signal.uuid)
        let [sent, quarantined] = [0, 0]
        const check = async () => {
          const inState = [await uuidsIn('sent'), await uuidsIn('queued'), await uuidsIn('quarantined')]
          expect(inState.flat().toSorted()).toEqual(signals.map(({ uuid }) => uuid).toSorted())
          expect(inState[0].filter((uuid) => !capi.taken.has(uuid))).toEqual([])
          const unsentButTaken = [...capi.taken.keys()].filter((uuid) => !inState[0].includes(uuid))
          expect(unsentButTaken.filter((uuid) => !inDoubt.has(uuid))).toEqual([])
          expect(inState[2].filter((uuid) => !bad.has(uuid))).toEqual([])
          expect(quarantined).toBe(inState[2].length)
          for (const [uuid, times] of capi.taken) expect(times).toBeLessThanOrEqual(1 + (inDoubt.get(uuid) ?? 0))
        }
        const run = async () => {
          const reports = await Promise.all(all.map((sender) => sender.send({ batchSize, prune: false })))
          for (const report of reports) {
            sent += report.sent
            quarantined += report.quarantined
          }
          await check()
        }
        for (let nth = 0; nth < runs; nth++) await run()
        // Once everything works, what is good is sent; what is bad and stands alone cannot be proven to be.
        sequence.length = 0
        markFails = false
        await run()
        await run()
        expect((await uuidsIn('queued')).filter((uuid) => !bad.has(uuid))).toEqual([])
        expect(sent).toBeLessThanOrEqual([...capi.taken.values()].reduce((sum, times) => sum + times, 0))
        expect(sent).toBeGreaterThanOrEqual((await uuidsIn('sent')).length - inDoubt.size)
      }),
      { numRuns: 400 },
    )
  }, 60_000)
})

describe('behind a firewall that answers 403 to some signals', () => {
  const filtered = fc.record({
    count: fc.integer({ min: 1, max: 120 }),
    bad: fc.array(fc.nat(119), { maxLength: 30 }),
    batchSize: fc.integer({ min: 20, max: 60 }),
    random: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }),
    /** After so many pushes the address is refused, for so many. */
    throttle: fc.tuple(fc.nat(40), fc.nat(12)),
  })

  it('none is sent twice, few requests in a row are refused, and good ones are set aside only where the address was refused, too', async () => {
    await fc.assert(
      fc.asyncProperty(filtered, async ({ count, bad, batchSize, random, throttle: [from, length] }) => {
        const storage = new MemoryStorage()
        const signals = signalsOf(MACHINES[0], count)
        await storage.signals.add(signals)
        const poison = new Set(signals.filter((_, place) => bad.includes(place)).map(({ uuid }) => uuid))
        const answers: boolean[] = []
        const capi = new ScriptedCapi((pushed, nth) => {
          answers.push(false)
          if (nth > from && nth <= from + length) refuse(403)
          refuseThese(poison, 403)(pushed, nth)
          answers[answers.length - 1] = true
        })
        const standing = async () =>
          ({ state: 'blocked', reason: 'forbidden', until: 0, pause: 3_600_000, message: 'it was' }) as const
        let draws = 0
        const sender = capi.sender(storage, {
          machines: { ...capi.machines, standing },
          random: () => random[draws++ % random.length],
        })
        for (let run = 0; run < 3; run++) {
          answers.length = 0
          const { sent } = await sender.send({ batchSize })
          const inARow = answers.map((isTaken) => (isTaken ? 'y' : 'n')).join('')
          expect(inARow).not.toMatch(sent === 0 ? /n{4}/ : /^n{4}|n{10}/)
          const { queued, quarantined } = await storage.signals.counts()
          expect(queued + quarantined + capi.taken.size).toBe(count)
          expect(capi.duplicates).toEqual([])
        }
        const aside = await storage.signals.list({ state: 'quarantined', limit: 200 })
        expect(aside.filter(({ signal }) => !poison.has(signal.uuid)).length).toBeLessThanOrEqual(length)
        if (length === 0) expect(aside.filter(({ signal }) => !poison.has(signal.uuid))).toEqual([])
      }),
      { numRuns: 400 },
    )
  }, 60_000)
})
