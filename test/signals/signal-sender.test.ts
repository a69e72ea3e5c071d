/** What the sender makes of CAPI's answers: what is sent, what waits, what goes into quarantine, and that every run ends. */

import { describe, expect, it } from 'vitest'
import { CapiError } from '../../src/capi/capi-error.js'
import type { Signal } from '../../src/capi/signals/signal.js'
import { BouncerError } from '../../src/errors.js'
import { pauseFor } from '../../src/http/pause.js'
import { silentLogger } from '../../src/logger.js'
import { SignalSender } from '../../src/signals/sending/signal-sender.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import { MACHINE, refuse, refuseThese, ScriptedCapi, signalsOf } from './scripted-capi.js'

const OTHER = 'b'.repeat(48)

async function outbox(count: number, machineId = MACHINE) {
  const storage = new MemoryStorage()
  const signals = signalsOf(machineId, count)
  await storage.signals.add(signals)
  return { storage, signals }
}

async function states(storage: MemoryStorage): Promise<string> {
  const { queued, sent, quarantined } = await storage.signals.counts()
  return `${queued} queued, ${sent} sent, ${quarantined} quarantined`
}

describe('a chunk', () => {
  it.each([
    [1, {}, [1]],
    [250, {}, [250]],
    [251, {}, [250, 1]],
    [501, {}, [250, 250, 1]],
    [5, { batchSize: 1 }, [1, 1, 1, 1, 1]],
    [300, { batchSize: 5000 }, [250, 50]],
  ])('of %i signals, %j, goes out as %j', async (count, request, pushes) => {
    const { storage } = await outbox(count)
    const capi = new ScriptedCapi()
    const report = await capi.sender(storage).send(request)
    expect(report).toEqual({ sent: count, quarantined: 0, remaining: 0, failures: [] })
    expect(capi.pushes).toEqual(pushes)
    expect(await states(storage)).toBe('0 queued, 0 sent, 0 quarantined')
  })

  it('is never larger than CAPI allows, whatever the options say', async () => {
    const { storage } = await outbox(300)
    const capi = new ScriptedCapi()
    await capi.sender(storage, { chunkSize: 1_000 }).send({ batchSize: 1_000 })
    expect(capi.pushes).toEqual([250, 50])
  })

  it('is marked once, and nothing is claimed where nothing is queued any more', async () => {
    const { storage } = await outbox(500)
    const asked: string[] = []
    const { markSent, claim } = storage.signals
    storage.signals.markSent = (uuids, options) => {
      asked.push(`marks ${uuids.length}`)
      return markSent.call(storage.signals, uuids, options)
    }
    storage.signals.claim = (request) => {
      asked.push('claims')
      return claim.call(storage.signals, request)
    }
    const sender = new ScriptedCapi().sender(storage)
    for (let run = 0; run < 2; run++) await sender.send()
    expect(asked).toEqual(['claims', 'marks 250', 'claims', 'marks 250', 'claims'])
  })

  it('is kept as sent where nothing is pruned', async () => {
    const { storage } = await outbox(5)
    await new ScriptedCapi().sender(storage).send({ prune: false, batchSize: 1 })
    expect(await states(storage)).toBe('0 queued, 5 sent, 0 quarantined')
  })

  it('is marked before the next one goes out', async () => {
    const { storage } = await outbox(4)
    const queued: number[] = []
    const capi = new ScriptedCapi(async () => {
      queued.push((await storage.signals.counts()).queued)
    })
    await capi.sender(storage).send({ batchSize: 2 })
    expect(queued).toEqual([4, 2])
  })

  it('keeps its uuids over every retry', async () => {
    const { storage, signals } = await outbox(3)
    const seen: string[][] = []
    const capi = new ScriptedCapi((pushed, nth) => {
      seen.push(pushed.map(({ uuid }) => uuid))
      if (nth < 3) refuse(503)
    })
    await capi.sender(storage).send()
    expect(seen).toEqual(Array(3).fill(signals.map(({ uuid }) => uuid)))
  })

  it('tells its progress, by machine', async () => {
    const { storage, signals } = await outbox(4)
    const told: string[] = []
    const capi = new ScriptedCapi(refuseThese(new Set([signals[1].uuid])))
    await capi
      .sender(storage)
      .send({ batchSize: 2, onProgress: ({ sent, quarantined }) => told.push(`${sent}/${quarantined}`) })
    expect(told).toEqual(['1/0', '3/0', '3/1'])
  })
})

describe('an answer that may pass', () => {
  it.each<[string, () => never]>([
    ['429', () => refuse(429)],
    ['500', () => refuse(500)],
    ['502', () => refuse(502)],
    ['503', () => refuse(503)],
    ['504', () => refuse(504)],
    ['408', () => refuse(408)],
    ['425', () => refuse(425)],
    ['a page of HTML', () => fail('ERR_CSB_CAPI_BODY')],
    ['nothing that answers', () => fail('ERR_CSB_CONNECT')],
    ['a reset', () => fail('ERR_CSB_CONNECTION_LOST')],
    ['a timeout', () => fail('ERR_CSB_TIMEOUT')],
  ])('%s: is tried three more times, then left for the next run', async (_name, answer) => {
    const { storage } = await outbox(300)
    const capi = new ScriptedCapi(answer)
    const report = await capi.sender(storage, { random: () => 1 }).send()
    expect(report).toMatchObject({ sent: 0, quarantined: 0, remaining: 300, failures: [{ machineId: MACHINE }] })
    expect(capi.pushes).toEqual([250, 250, 250, 250])
    expect(capi.waits).toEqual([5_000, 10_000, 20_000])
    capi.answer = () => {}
    expect(await capi.sender(storage).send()).toMatchObject({ sent: 300, remaining: 0, failures: [] })
    expect(capi.duplicates).toEqual([])
  })

  it('is forgotten with the next success: only failures in a row count', async () => {
    const { storage } = await outbox(40)
    const capi = new ScriptedCapi((_signals, nth) => {
      if (nth % 3 !== 0) refuse(503)
    })
    expect(await capi.sender(storage).send({ batchSize: 4 })).toMatchObject({ sent: 40, failures: [] })
    expect(capi.pushes).toHaveLength(30)
  })

  it('has full jitter: any wait from nothing to the whole step', async () => {
    const waitsAt = async (random: number) => {
      const { storage } = await outbox(1)
      const capi = new ScriptedCapi(() => refuse(503))
      await capi.sender(storage, { random: () => random, maxRetries: 6 }).send()
      return capi.waits
    }
    expect(await waitsAt(0)).toEqual([0, 0, 0, 0, 0, 0])
    expect(await waitsAt(1)).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000])
  })

  it.each([
    [7_000, [7_000, 7_000, 7_000], 4],
    [60_000, [60_000, 60_000, 60_000], 4],
    [61_000, [], 1],
  ])('with Retry-After of %i ms waits %j', async (retryAfter, waits, pushes) => {
    const { storage } = await outbox(1)
    const capi = new ScriptedCapi(() => refuse(429, retryAfter))
    const report = await capi.sender(storage, { random: () => 0 }).send()
    expect(capi.waits).toEqual(waits)
    expect(capi.pushes).toHaveLength(pushes)
    expect(report).toMatchObject({ remaining: 1, failures: [{ error: { status: 429 } }] })
  })

  it('is tried once where maxRetries is 0', async () => {
    const { storage } = await outbox(2)
    const capi = new ScriptedCapi(() => refuse(500))
    await capi.sender(storage, { maxRetries: 0 }).send()
    expect(capi.pushes).toEqual([2])
    capi.answer = () => {}
    expect(await capi.sender(storage, { maxRetries: 0 }).send()).toMatchObject({ sent: 2 })
  })

  it('frees what was claimed while it waits, for another sender', async () => {
    const { storage } = await outbox(2)
    const capi = new ScriptedCapi(() => refuse(503))
    const free: number[] = []
    const pause = async () => {
      free.push((await storage.signals.machinesWithQueued()).length)
    }
    await capi.sender(storage, { pause }).send()
    expect(free).toEqual([1, 1, 1])
  })

  it('does not outlast the run', async () => {
    const { storage } = await outbox(1)
    const capi = new ScriptedCapi(() => refuse(503))
    await capi.sender(storage, { maxRetries: 1_000, random: () => 1, longestRun: 100_000 }).send()
    expect(capi.waits).toEqual([5_000, 10_000, 20_000, 40_000])
  })

  it('ends a run of the usual length after ten minutes', async () => {
    const { storage } = await outbox(1)
    const capi = new ScriptedCapi(() => refuse(503))
    await capi.sender(storage, { maxRetries: 1_000, random: () => 1 }).send()
    expect(capi.now).toBe(555_000)
  })
})

describe('an answer that lasts', () => {
  it.each([301, 404, 405, 410])('%i: one request, and the signals stay', async (status) => {
    const { storage } = await outbox(300)
    const capi = new ScriptedCapi(() => refuse(status))
    const report = await capi.sender(storage).send()
    expect(report).toMatchObject({ sent: 0, quarantined: 0, remaining: 300, failures: [{ error: { status } }] })
    expect(capi.pushes).toEqual([250])
    expect(capi.waits).toEqual([])
  })

  it.each([401, 403])('%i: that machine only', async (status) => {
    const { storage } = await outbox(2)
    await storage.signals.add(signalsOf(OTHER, 3))
    const capi = new ScriptedCapi((signals) => {
      if (signals[0].machine_id === MACHINE) refuse(status)
    })
    const report = await capi.sender(storage).send()
    expect(report).toMatchObject({ sent: 3, remaining: 2, failures: [{ machineId: MACHINE, error: { status } }] })
    expect(capi.pushes.toSorted()).toEqual([2, 3])
  })

  it('an error that is none of ours holds up no other machine', async () => {
    const { storage } = await outbox(2)
    await storage.signals.add(signalsOf(OTHER, 3))
    const capi = new ScriptedCapi()
    capi.beforeToken = (machineId) => {
      if (machineId === MACHINE) throw new TypeError('broken')
    }
    const report = await capi.sender(storage).send()
    expect(report).toMatchObject({
      sent: 3,
      remaining: 2,
      failures: [{ machineId: MACHINE, error: TypeError('broken') }],
    })
    expect(await storage.signals.machinesWithQueued()).toEqual([MACHINE])
  })

  it('a chunk that fails after others leaves those sent', async () => {
    const { storage } = await outbox(600)
    const capi = new ScriptedCapi((_signals, nth) => {
      if (nth > 1) refuse(404)
    })
    expect(await capi.sender(storage).send()).toMatchObject({ sent: 250, remaining: 350 })
    capi.answer = () => {}
    expect(await capi.sender(storage).send()).toMatchObject({ sent: 350, remaining: 0 })
    expect(capi.duplicates).toEqual([])
  })
})

describe('a machine that pauses', () => {
  const blocked = (retryAfter?: number) =>
    new CapiError('ERR_CSB_CAPI_BLOCKED', 'the machine pauses', retryAfter === undefined ? {} : { retryAfter })

  it.each([
    ['for an hour', blocked(3_600_000)],
    ['until somebody unblocks it', blocked()],
    ['for want of a login', new CapiError('ERR_CSB_CAPI_BUDGET', 'no login is free', { retryAfter: 900_000 })],
  ])('%s is passed over', async (_name, error) => {
    const { storage } = await outbox(2)
    const capi = new ScriptedCapi()
    capi.beforeToken = () => {
      throw error
    }
    expect(await capi.sender(storage).send()).toMatchObject({ remaining: 2, failures: [{ machineId: MACHINE, error }] })
    expect([capi.pushes, capi.waits]).toEqual([[], []])
  })

  it('for want of a login that is free in a moment is waited for', async () => {
    const { storage } = await outbox(2)
    const capi = new ScriptedCapi()
    capi.beforeToken = () => {
      if (capi.now === 0) throw new CapiError('ERR_CSB_CAPI_BUDGET', 'no login is free', { retryAfter: 9_000 })
    }
    expect(await capi.sender(storage, { maxRetries: 0 }).send()).toMatchObject({ sent: 2, failures: [] })
    expect(capi.waits).toEqual([9_000])
  })

  it('for a moment is waited for, and such a wait is no try', async () => {
    const { storage } = await outbox(2)
    const capi = new ScriptedCapi((_signals, nth) => {
      pausesUntil = capi.now + 9_000
      if (nth < 4) refuse(503)
    })
    let pausesUntil = 1_000
    capi.beforeToken = () => {
      if (capi.now < pausesUntil) throw blocked(pausesUntil - capi.now)
    }
    const report = await capi.sender(storage, { random: () => 0.5 }).send()
    expect(report).toMatchObject({ sent: 2, remaining: 0, failures: [] })
    expect(capi.waits).toEqual([1_000, 2_500, 6_500, 5_000, 4_000, 10_000])
  })

  it('for a moment again and again is given up', async () => {
    const { storage } = await outbox(2)
    const capi = new ScriptedCapi()
    capi.beforeToken = () => {
      throw blocked(1)
    }
    expect(await capi.sender(storage).send()).toMatchObject({ remaining: 2, failures: [{ machineId: MACHINE }] })
    expect(capi.waits).toEqual([1, 1, 1, 1])
  })
})

describe('a signal that CAPI refuses', () => {
  const at = (signals: readonly Signal[], ...indices: number[]) => new Set(indices.map((index) => signals[index].uuid))

  it.each([400, 413, 422])('with %i is found among 250 and put in quarantine, wherever it stands', async (status) => {
    for (const index of [0, 1, 100, 124, 125, 248, 249]) {
      const { storage, signals } = await outbox(250)
      const capi = new ScriptedCapi(refuseThese(at(signals, index), status))
      const report = await capi.sender(storage).send({ prune: false })
      expect(report, `index ${index}`).toEqual({ sent: 249, quarantined: 1, remaining: 0, failures: [] })
      const [bad] = await storage.signals.list({ state: 'quarantined', limit: 9 })
      expect(bad).toMatchObject({ signal: signals[index], reason: `CAPI answered ${status}` })
      expect(capi.pushes.length).toBeLessThanOrEqual(1 + 2 * 8)
      expect(capi.waits).toEqual([])
    }
  })

  it.each([2, 5, 20])('is found with %i others, each at 2 log2(n) requests', async (count) => {
    const { storage, signals } = await outbox(250)
    const poison = at(signals, ...Array.from({ length: count }, (_, index) => (index * 97) % 250))
    const capi = new ScriptedCapi(refuseThese(poison))
    expect(await capi.sender(storage).send()).toMatchObject({ sent: 250 - count, quarantined: count, remaining: 0 })
    expect(capi.pushes.length).toBeLessThanOrEqual(1 + 16 * count)
    expect(capi.duplicates).toEqual([])
  })

  it.each([
    [300, 700],
    [300, 310],
    [240, 250],
    [1_000, 1_010],
  ])('is found where a producer wrote %i of them in a row, before others (%i in all)', async (count, all) => {
    const { storage, signals } = await outbox(all)
    const poison = new Set(signals.slice(0, count).map(({ uuid }) => uuid))
    const capi = new ScriptedCapi(refuseThese(poison))
    const sender = capi.sender(storage)
    let quarantined = 0
    // Where what was taken is too little to prove them all, the rest waits for more.
    for (let left = all; left > 0 && quarantined < count; ) {
      const report = await sender.send()
      quarantined += report.quarantined
      left = report.remaining
      await storage.signals.add(signalsOf(MACHINE, 10))
    }
    expect(quarantined).toBe(count)
    expect(capi.pushes.length).toBeLessThan(4 * count + 100)
  })

  it('is found where others are taken only now and then', async () => {
    const { storage, signals } = await outbox(20)
    const good = at(signals, 7, 19)
    const capi = new ScriptedCapi(([{ uuid }]) => {
      if (!good.has(uuid)) refuse(400)
    })
    const report = await capi.sender(storage).send({ batchSize: 1 })
    expect(report).toEqual({ sent: 2, quarantined: 18, remaining: 0, failures: [] })
    expect(capi.pushes).toHaveLength(20)
  })

  it.each([1, 7])(
    'is suspected anew after a failure in between, and counted once (%i before a good one)',
    async (count) => {
      const { storage, signals } = await outbox(count + 1)
      let isDown = true
      const capi = new ScriptedCapi(([{ uuid }]) => {
        if (uuid !== signals[count].uuid) refuse(400)
        if (isDown) {
          isDown = false
          refuse(503)
        }
      })
      const report = await capi.sender(storage).send({ batchSize: 1 })
      expect(report).toEqual({ sent: 1, quarantined: count, remaining: 0, failures: [] })
      expect(capi.pushes).toHaveLength(2 * (count + 1))
    },
  )

  it('sends what was refused beside it once, also where a failure comes in between', async () => {
    const { storage, signals } = await outbox(8)
    const poison = at(signals, 0, 1, 2, 3, 5)
    let isDown = true
    const capi = new ScriptedCapi((pushed, nth) => {
      if (isDown && pushed.length === 1 && pushed[0].uuid === signals[5].uuid) {
        isDown = false
        refuse(503)
      }
      return refuseThese(poison)(pushed, nth)
    })
    const report = await capi.sender(storage).send({ batchSize: 2 })
    expect(report).toEqual({ sent: 3, quarantined: 5, remaining: 0, failures: [] })
    expect(capi.duplicates).toEqual([])
  })

  it('at the end of the queue is proven by what was taken before', async () => {
    const { storage, signals } = await outbox(251)
    const capi = new ScriptedCapi(refuseThese(at(signals, 250)))
    expect(await capi.sender(storage).send()).toMatchObject({ sent: 250, quarantined: 1, remaining: 0 })
  })

  it.each([1, 2, 4, 250, 1_000, 5_000])(
    'with all others (%i), nothing goes into quarantine: CAPI may be at fault',
    async (count) => {
      const { storage } = await outbox(count)
      const capi = new ScriptedCapi(() => refuse(400))
      const report = await capi.sender(storage).send()
      expect(report).toMatchObject({ sent: 0, quarantined: 0, remaining: count })
      expect(report.failures).toMatchObject([{ error: { code: 'ERR_CSB_CAPI_STATUS', status: 400 } }])
      expect(report.failures[0].error.message).toMatch(
        /refuses every signal of machine a+ .*stay queued \(CAPI answered 400\)/,
      )
      expect(capi.pushes.length).toBeLessThanOrEqual(40)
      expect(await storage.signals.machinesWithQueued()).toEqual([MACHINE])
      capi.answer = () => {}
      expect(await capi.sender(storage).send()).toMatchObject({ sent: count, remaining: 0 })
    },
  )

  it('together with all that come after a good start: at most a handful goes into quarantine', async () => {
    const { storage } = await outbox(2_000)
    const capi = new ScriptedCapi((_signals, nth) => {
      if (nth > 2) refuse(400)
    })
    expect(await capi.sender(storage).send()).toMatchObject({ sent: 500, quarantined: 0, remaining: 1_500 })
  })

  it('goes out again when it is put back', async () => {
    const { storage, signals } = await outbox(3)
    const capi = new ScriptedCapi(refuseThese(at(signals, 1)))
    await capi.sender(storage).send()
    capi.answer = () => {}
    expect(await storage.signals.requeue({})).toBe(1)
    expect(await capi.sender(storage).send()).toMatchObject({ sent: 1, remaining: 0 })
  })

  it('is not confused with a refusal at login', async () => {
    const { storage } = await outbox(3)
    const capi = new ScriptedCapi()
    capi.beforeToken = () => refuse(400)
    expect(await capi.sender(storage).send()).toMatchObject({
      quarantined: 0,
      remaining: 3,
      failures: [{ error: { status: 400 } }],
    })
    expect(capi.pushes).toEqual([])
  })
})

describe('two senders', () => {
  it('on one storage send each signal once', async () => {
    const { storage } = await outbox(2_000)
    await storage.signals.add(signalsOf(OTHER, 500))
    const capi = new ScriptedCapi(() => new Promise((resolve) => setImmediate(resolve)))
    const reports = await Promise.all([1, 2, 3].map(() => capi.sender(storage).send({ batchSize: 100 })))
    expect(reports.reduce((sum, { sent }) => sum + sent, 0)).toBe(2_500)
    expect(capi.taken.size).toBe(2_500)
    expect(capi.duplicates).toEqual([])
  })

  it('one that outlived its lease sends nothing: the signals are the other one’s', async () => {
    const { storage } = await outbox(2)
    const capi = new ScriptedCapi()
    capi.beforeToken = () => {
      capi.now += 280_000 // a login that takes long; a request of 30 s no longer fits into the lease of 300 s
    }
    const report = await capi.sender(storage, { maxRetries: 1 }).send()
    expect(report).toMatchObject({ sent: 0, remaining: 2, failures: [{ error: { code: 'ERR_CSB_TIMEOUT' } }] })
    expect(capi.pushes).toEqual([])
    expect(capi.answered).toEqual([]) // what did not go out ends no pause
  })

  it('the lease grows with the time for a request', async () => {
    const { storage } = await outbox(2)
    const capi = new ScriptedCapi()
    expect(await capi.sender(storage, { timeout: 300_000 }).send()).toMatchObject({ sent: 2, failures: [] })
    expect(capi.deadlines).toEqual([300_000])
  })

  it('a lease that is no longer than a request is refused', () => {
    const { api, machines } = new ScriptedCapi()
    const storage = new MemoryStorage().signals
    const make = () => new SignalSender({ api, machines, storage, timeout: 5_000, lease: 5_000 })
    expect(make).toThrow('lease: expected more than the timeout of 5000 ms, got 5000 ms')
  })
})

describe('a storage that fails', () => {
  it('at the mark: what was taken is marked by the next run, and not sent again', async () => {
    const { storage, signals } = await outbox(300)
    const { markSent } = storage.signals
    storage.signals.markSent = async () => fail('ERR_CSB_STORAGE')
    const capi = new ScriptedCapi()
    const sender = capi.sender(storage)
    const report = await sender.send()
    expect(report).toMatchObject({ sent: 250, remaining: 300, failures: [{ error: { code: 'ERR_CSB_STORAGE' } }] })
    expect(await sender.send()).toMatchObject({ sent: 0, remaining: 300 })
    storage.signals.markSent = markSent
    // Until their lease is over they are no other sender's either.
    expect(await capi.sender(storage).send()).toMatchObject({ sent: 50, remaining: 250 })
    expect(await sender.send()).toMatchObject({ sent: 0, remaining: 0, failures: [] })
    expect(capi.taken.size).toBe(signals.length)
    expect(capi.duplicates).toEqual([])
  })

  it('at the mark of one of two sends: what it took is marked by the next one, and not sent again', async () => {
    const { storage } = await outbox(2)
    const { markSent } = storage.signals
    const [firstMark, letGo] = [gate(), gate()]
    let marks = 0
    // The first send waits at its mark until the second one, which marks the same once more, has failed at its own.
    storage.signals.markSent = async (...request) => {
      marks++
      if (marks === 3) return fail('ERR_CSB_STORAGE')
      if (marks === 1) {
        firstMark.open()
        await letGo.opened
      }
      return markSent.apply(storage.signals, request)
    }
    const capi = new ScriptedCapi()
    const sender = capi.sender(storage, { chunkSize: 1, maxRetries: 0 })
    const first = sender.send()
    await firstMark.opened
    expect(await sender.send()).toMatchObject({ sent: 1, failures: [{ error: { code: 'ERR_CSB_STORAGE' } }] })
    letGo.open()
    await first
    expect(await sender.send()).toMatchObject({ remaining: 0, failures: [] })
    expect([capi.taken.size, capi.duplicates]).toEqual([2, []])
  })

  it('at the claim: is told by machine', async () => {
    const { storage } = await outbox(3)
    storage.signals.claim = async () => fail('ERR_CSB_STORAGE')
    const report = await new ScriptedCapi().sender(storage).send()
    expect(report).toMatchObject({ sent: 0, remaining: 3, failures: [{ error: { code: 'ERR_CSB_STORAGE' } }] })
  })

  it('at the release: does not hide why nothing was sent', async () => {
    const { storage } = await outbox(3)
    storage.signals.release = async () => fail('ERR_CSB_STORAGE')
    const lines: string[] = []
    const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) }
    const report = await new ScriptedCapi(() => refuse(404)).sender(storage, { logger }).send()
    expect(report).toMatchObject({ sent: 0, remaining: 3, failures: [{ error: { status: 404 } }] })
    expect(lines).toEqual([
      `Signals of machine ${MACHINE} stay claimed until their lease is over: ERR_CSB_STORAGE`,
      `Signals of machine ${MACHINE} stay queued: CAPI answered 404`,
    ])
  })
})

describe('an aborted run', () => {
  it('ends its wait at once, and frees what it holds', async () => {
    const { storage } = await outbox(3)
    const capi = new ScriptedCapi(() => refuse(503, 50_000))
    const controller = new AbortController()
    const sender = capi.sender(storage, {
      pause: (milliseconds, signal) => {
        setImmediate(() => controller.abort())
        return pauseFor(milliseconds, signal)
      },
    })
    const report = await sender.send({ signal: controller.signal })
    expect(report).toEqual({ sent: 0, quarantined: 0, remaining: 3, failures: [] })
    expect(await storage.signals.machinesWithQueued()).toEqual([MACHINE])
  })

  it('tells what it had done', async () => {
    const { storage } = await outbox(6)
    const controller = new AbortController()
    const capi = new ScriptedCapi((_signals, nth) => {
      if (nth === 2) controller.abort()
    })
    const report = await capi.sender(storage).send({ batchSize: 2, signal: controller.signal })
    expect(report).toEqual({ sent: 4, quarantined: 0, remaining: 2, failures: [] })
  })

  it('that was aborted before does nothing', async () => {
    const { storage } = await outbox(6)
    const capi = new ScriptedCapi()
    const report = await capi.sender(storage).send({ signal: AbortSignal.abort() })
    expect([report.remaining, capi.pushes]).toEqual([6, []])
  })
})

describe('a machine whose signals stay queued', () => {
  it('is told once until the reason changes, whatever times the message tells', async () => {
    const { storage } = await outbox(1)
    const told: string[] = []
    const at = (level: string) => (message: string) => void told.push(`${level} ${message}`)
    const logger = { debug() {}, info: at('info'), warn: at('warn'), error: at('error') }
    let minute = 0
    const capi = new ScriptedCapi(() => {
      throw new CapiError('ERR_CSB_CAPI_BLOCKED', `pauses until minute ${++minute}: why`, { reason: 'why' })
    })
    const sender = capi.sender(storage, { logger })
    for (let runs = 0; runs < 3; runs++) expect((await sender.send()).failures).toHaveLength(1)
    capi.answer = () => refuse(404)
    await sender.send()
    capi.answer = () => {}
    await sender.send()
    await storage.signals.add(signalsOf(MACHINE, 1))
    capi.answer = () => refuse(404)
    await sender.send()
    expect(told).toEqual(['until minute 1: why', '404', '404'].map((why) => expect.stringMatching(`^warn .*${why}`)))
  })
})

describe('a run', () => {
  it('ends on time where the queue fills as fast as it empties', async () => {
    const { storage } = await outbox(10)
    const capi = new ScriptedCapi(async () => {
      capi.now += 1_000
      await storage.signals.add(signalsOf(MACHINE, 10))
    })
    const report = await capi.sender(storage, { longestRun: 20_000 }).send({ batchSize: 10 })
    expect(report).toMatchObject({ sent: 200, remaining: 10, failures: [{ error: { code: 'ERR_CSB_TIMEOUT' } }] })
  })

  it('gives a request no longer than it has itself, and begins none when it is over', async () => {
    const { storage } = await outbox(3)
    const capi = new ScriptedCapi()
    capi.beforeToken = () => {
      capi.now += 4_000
    }
    const report = await capi.sender(storage, { longestRun: 10_000, maxRetries: 0 }).send({ batchSize: 1 })
    expect(capi.deadlines).toEqual([6_000, 2_000])
    expect(report).toMatchObject({ sent: 2, remaining: 1, failures: [{ error: { code: 'ERR_CSB_TIMEOUT' } }] })
  })

  it('tells CAPI of machines in what is left of it, and of those alone that have sent all', async () => {
    const storage = new MemoryStorage()
    for (const letter of 'bcdef') await storage.signals.add(signalsOf(letter.repeat(48), 1))
    const told: string[] = []
    const capi = new ScriptedCapi(([{ machine_id }]) => {
      if (machine_id === OTHER) refuse(404)
    })
    const metrics = {
      tellOf: async (machineId: string, { deadline }: { readonly deadline: number }) => {
        told.push(`${machineId[0]} ${deadline}`)
        capi.now += deadline
        return 'done' as const
      },
    }
    await capi.sender(storage, { metrics, concurrency: 1, timeout: 20_000, longestRun: 50_000 }).send()
    expect(told).toEqual(['c 20000', 'd 20000', 'e 10000'])
  })

  it('tells CAPI of no more machines where it has trouble with them', async () => {
    const storage = new MemoryStorage()
    for (const letter of 'bcdefghi') await storage.signals.add(signalsOf(letter.repeat(48), 1))
    const told: string[] = []
    const metrics = {
      tellOf: async (machineId: string) => {
        told.push(machineId[0])
        return machineId.startsWith('b') || machineId.startsWith('e') ? ('trouble' as const) : ('done' as const)
      },
    }
    await new ScriptedCapi().sender(storage, { metrics, concurrency: 2 }).send()
    expect(told.join('')).toBe('bcde')
  })

  it('warns once for each machine: of what goes into quarantine, and why the rest stays', async () => {
    const { storage, signals } = await outbox(6)
    await storage.signals.add(signalsOf(OTHER, 3))
    const poison = new Set([signals[1].uuid, signals[2].uuid])
    const capi = new ScriptedCapi((pushed, nth) => {
      if (pushed[0].machine_id === OTHER) refuse(404)
      return refuseThese(poison)(pushed, nth)
    })
    const lines: string[] = []
    const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) }
    await capi.sender(storage, { logger, concurrency: 1 }).send()
    expect(lines).toEqual([
      `2 signals go into quarantine, machine ${MACHINE}, the last one because: CAPI answered 400`,
      `Signals of machine ${OTHER} stay queued: CAPI answered 404`,
    ])
  })

  it.each([
    [{ concurrency: 3 }, 3],
    [{}, 4],
  ])('goes for a few machines at a time: %j', async (options, expected) => {
    const storage = new MemoryStorage()
    for (const letter of 'cdefghijk') await storage.signals.add(signalsOf(letter.repeat(48), 2))
    let [busy, most] = [0, 0]
    const capi = new ScriptedCapi(async () => {
      most = Math.max(most, ++busy)
      await new Promise((resolve) => setImmediate(resolve))
      busy--
    })
    expect(await capi.sender(storage, options).send()).toMatchObject({ sent: 18 })
    expect(most).toBe(expected)
  })
})

function fail(
  code: 'ERR_CSB_CAPI_BODY' | 'ERR_CSB_CONNECT' | 'ERR_CSB_CONNECTION_LOST' | 'ERR_CSB_TIMEOUT' | 'ERR_CSB_STORAGE',
): never {
  throw code === 'ERR_CSB_CAPI_BODY' ? new CapiError(code, code, { status: 200 }) : new BouncerError(code, code)
}

/** Something that happens once, and that others wait for. */
function gate() {
  let resolve = () => {}
  const opened = new Promise<void>((done) => {
    resolve = done
  })
  return { opened, open: () => resolve() }
}
