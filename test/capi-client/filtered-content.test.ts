/**
 * A firewall before CAPI answers 403 to what is in a signal, as CAPI does to an address that asks too often. The first 403 stops
 * everything; when it comes again, it is looked for whether it is a matter of content.
 */

import { describe, expect, it } from 'vitest'
import type { CapiClient, Signal } from '../../src/capi-client.js'
import type { Arrival } from '../../src/testing/index.js'
import { signalsOf } from '../signals/scripted-capi.js'
import { type Connected, connect, machineIdOf } from './connected-client.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const ATTACK = '/?q=<script>alert(1)</script>'

const isPush = ({ path }: Arrival) => path === '/v3/signals'

/** Of one machine; those at these places look like an attack. */
function signals(key: string, count: number, bad: readonly number[] = []): readonly Signal[] {
  return signalsOf(machineIdOf(key), count).map((signal, index) => ({
    ...signal,
    context: [{ key: 'target_uri', value: bad.includes(index) ? ATTACK : '/x' }],
  }))
}

/** The same numbers in each run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** A client behind such a firewall, whose machines are logged in. */
async function filtered(...keys: readonly string[]): Promise<Connected> {
  const connected = await connect({ capi: { tokenLifetime: 30 * 24 * HOUR }, random: numbers(1) })
  for (const key of keys) await connected.client.login(machineIdOf(key))
  connected.capi.fault(
    { kind: 'status', status: 403, body: '<h1>Forbidden</h1>' },
    { match: (request) => isPush(request) && request.body.includes('<script>') },
  )
  connected.trail()
  return connected
}

/** The answers to the pushes. */
const pushes = ({ trail }: Connected) =>
  trail()
    .filter((line) => line.startsWith('POST signals'))
    .map((line) => Number(line.slice(-3)))

const stored = async (client: CapiClient) => {
  const { queued, quarantined } = await client.signalCounts()
  return { queued, quarantined }
}

describe('one signal that a firewall refuses', () => {
  it.each([0, 1, 124, 125, 200, 249])('as number %i of a chunk: it alone is set aside', async (place) => {
    const connected = await filtered('one')
    const { client, advance } = connected
    await client.addSignals(signals('one', 250, [place]))
    expect(await client.sendSignals()).toMatchObject({ sent: 0, failures: [{ error: { status: 403 } }] })
    expect(pushes(connected)).toEqual([403])
    expect(await client.breaker()).not.toBeNull()
    advance(HOUR)
    expect(await client.sendSignals()).toMatchObject({ sent: 249, quarantined: 1, remaining: 0, failures: [] })
    expect(pushes(connected).join(' ')).not.toContain('403 403 403')
    expect(await client.breaker()).toBeNull()
    const [{ signal, reason }] = await client.listSignals({ state: 'quarantined' })
    expect(signal.context[0].value).toBe(ATTACK)
    expect(reason).toMatch(/^Refused for what is in it, since others were taken; .*status 403.*Forbidden/)
    expect(connected.capi.duplicates()).toEqual([])
  })

  it('holds up nobody else for more than the first pause', async () => {
    const { client, advance, capi } = await filtered('one', 'two')
    await client.addSignals([...signals('one', 21, [0]), ...signals('two', 1)])
    for (let run = 0; run < 8; run++) {
      await client.sendSignals()
      advance(10 * MINUTE)
    }
    expect(capi.uuids().size).toBe(21)
    expect(await stored(client)).toEqual({ queued: 0, quarantined: 1 })
  })

  it('once known, is looked for at once in what comes later, of each machine', async () => {
    const connected = await filtered('one', 'two')
    const { client, advance } = connected
    await client.addSignals(signals('one', 10, [3]))
    await client.sendSignals()
    advance(HOUR + 10 * MINUTE) // in the first ten minutes others go ahead, had they something to send
    await client.sendSignals()
    await client.addSignals([...signals('one', 10, [9]), ...signals('two', 600, [0, 300, 599])])
    expect(await client.sendSignals()).toMatchObject({ sent: 606, quarantined: 4, remaining: 0, failures: [] })
    expect(await client.breaker()).toBeNull()
  })

  it('alone in its request, is set aside where others were taken in the same run', async () => {
    const { client, advance } = await filtered('one')
    await client.addSignals(signals('one', 2, [0]))
    await client.sendSignals()
    advance(HOUR)
    await client.sendSignals()
    await client.addSignals(signals('one', 3, [2]))
    expect(await client.sendSignals({ batchSize: 2 })).toMatchObject({ sent: 2, quarantined: 1, failures: [] })
  })

  it('the only one that there is: its machine pauses, and others send', async () => {
    const { client, advance } = await filtered('one', 'two')
    await client.addSignals(signals('one', 1, [0]))
    await client.sendSignals()
    advance(HOUR)
    await client.addSignals(signals('two', 1))
    for (let run = 0; run < 8; run++) {
      await client.sendSignals()
      advance(10 * MINUTE)
    }
    expect(await stored(client)).toEqual({ queued: 1, quarantined: 0 })
    // What comes later proves it.
    await client.addSignals(signals('one', 1))
    advance(4 * HOUR)
    expect(await client.sendSignals()).toMatchObject({ sent: 1, quarantined: 1, failures: [] })
  })
})

describe('403 to everything', () => {
  it.each([1, 2, 3, 250])(
    'of a chunk of %i: at most three requests an hour, and nothing is set aside',
    async (count) => {
      const connected = await connect({ capi: { tokenLifetime: 30 * 24 * HOUR } })
      const { client, advance, capi } = connected
      await client.addSignals(signals('one', count))
      capi.fault({ kind: 'status', status: 403 }, { match: isPush })
      await client.sendSignals()
      expect(pushes(connected)).toEqual([403])
      for (const pause of [1, 2, 4, 4]) {
        advance(pause * HOUR)
        expect(await client.sendSignals()).toMatchObject({ sent: 0, quarantined: 0, remaining: count })
        expect(pushes(connected)).toEqual(Array(count === 1 ? 1 : 3).fill(403))
        expect(await client.breaker()).not.toBeNull()
      }
      capi.heal()
      advance(4 * HOUR)
      expect(await client.sendSignals()).toMatchObject({ sent: count, quarantined: 0, remaining: 0 })
    },
  )

  it('that begins while parts are taken ends the run, and nothing is set aside for it', async () => {
    const connected = await filtered('one')
    const { client, advance, capi } = connected
    await client.addSignals(signals('one', 64, [40]))
    await client.sendSignals()
    pushes(connected)
    advance(HOUR)
    let nth = 0
    capi.fault({ kind: 'status', status: 403 }, { match: (request) => isPush(request) && ++nth > 4 })
    const report = await client.sendSignals()
    expect(report).toMatchObject({ quarantined: 0, failures: [{ error: { status: 403 } }] })
    expect(report.sent).toBeGreaterThan(0)
    expect(pushes(connected).slice(-10)).toEqual([200, ...Array(9).fill(403)])
    expect(await client.breaker()).toBeNull()
    // It goes on: now nothing at all is taken.
    expect(await client.sendSignals()).toMatchObject({
      sent: 0,
      quarantined: 0,
      failures: [{ error: { status: 403 } }],
    })
    expect(pushes(connected)).toEqual([403, 403, 403])
    expect(await client.breaker()).not.toBeNull()
    capi.heal()
    advance(HOUR)
    expect(await client.sendSignals()).toMatchObject({ sent: 64 - report.sent, quarantined: 0, remaining: 0 })
  })
})

describe('in the middle of the search', () => {
  it('a token that ended costs one login', async () => {
    const connected = await filtered('one')
    const { client, advance, capi, trail } = connected
    await client.addSignals(signals('one', 64, [10]))
    await client.sendSignals()
    advance(HOUR)
    trail()
    let nth = 0
    capi.fault({ kind: 'status', status: 401 }, { times: 1, match: (request) => isPush(request) && ++nth === 4 })
    expect(await client.sendSignals()).toMatchObject({ sent: 63, quarantined: 1, remaining: 0, failures: [] })
    expect(trail().filter((line) => line.startsWith('POST watchers/login'))).toHaveLength(1)
    expect(capi.duplicates()).toEqual([])
  })

  it('a signal that CAPI itself refuses is found, too', async () => {
    const { client, advance, capi } = await filtered('one')
    const all = signals('one', 64, [10])
    await client.addSignals(all)
    await client.sendSignals()
    advance(HOUR)
    capi.fault(
      { kind: 'status', status: 400 },
      { match: (request) => isPush(request) && request.body.includes(all[50].uuid) },
    )
    expect(await client.sendSignals()).toMatchObject({ sent: 62, quarantined: 2, remaining: 0, failures: [] })
    expect(capi.duplicates()).toEqual([])
  })

  it('trouble of CAPI is waited for, and the search begins anew', async () => {
    const { client, advance, capi } = await filtered('one')
    await client.addSignals(signals('one', 64, [10, 50]))
    await client.sendSignals()
    advance(HOUR)
    let nth = 0
    capi.fault({ kind: 'status', status: 503 }, { times: 1, match: (request) => isPush(request) && ++nth === 5 })
    expect(await client.sendSignals()).toMatchObject({ sent: 62, quarantined: 2, remaining: 0, failures: [] })
    expect(capi.duplicates()).toEqual([])
  })
})

describe('every good one arrives and every bad one is set aside', () => {
  it.each<[string, (place: number) => boolean]>([
    ['one in ten', (place) => place % 10 === Math.floor(place / 10) % 7],
    ['one in three', (place) => place % 3 === 1],
    ['some beside each other at the end', (place) => place >= 594],
    ['many beside each other', (place) => place >= 100 && place < 140],
    ['many at the beginning', (place) => place < 40],
  ])('where %s are bad, within a day', async (_name, isBad) => {
    const { client, advance, capi } = await filtered('one')
    const bad = Array.from({ length: 600 }, (_, place) => place).filter(isBad)
    await client.addSignals(signals('one', 600, bad))
    for (let run = 0; run < 24 * 6 && (await stored(client)).queued > 0; run++) {
      await client.sendSignals()
      advance(10 * MINUTE)
    }
    expect(await stored(client)).toEqual({ queued: 0, quarantined: bad.length })
    expect([capi.uuids().size, capi.duplicates()]).toEqual([600 - bad.length, []])
  })
})
