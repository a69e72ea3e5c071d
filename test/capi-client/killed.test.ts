/** A client that is killed with -9 at the worst moments, and the next one on the same file. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type CapiClient, createCapiClient, openStorage, type Storage } from '../../src/capi-client.js'
import { FakeCapi, type FakeCapiOptions } from '../../src/testing/index.js'
import { signalsOf } from '../signals/storage-behaviour.js'
import { type ClientChildOptions, clientChild } from './client-child.js'
import { machineIdOf, SCENARIOS } from './connected-client.js'

const MACHINE = machineIdOf('one')

/** Claims hold for five minutes, logins for one. */
const LEASE_IS_OVER = 6 * 60_000

let where: string

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'killed-'))
  where = `sqlite:${join(folder, 'outbox.db')}`
  return () => rmSync(folder, { recursive: true })
})

async function fake(options: FakeCapiOptions = {}): Promise<FakeCapi> {
  const capi = await FakeCapi.start({ strict: true, ...options })
  onTestFinished(() => capi.stop())
  return capi
}

interface Opened {
  readonly client: CapiClient
  readonly storage: Storage
}

/** A client of this process, whose clock and whose storage's are so many milliseconds ahead. */
async function open(capi: FakeCapi, ahead = 0): Promise<Opened> {
  const now = () => Date.now() + ahead
  const storage = await openStorage(where, { clock: now })
  const client = await createCapiClient({ url: `${capi.url}/v3`, storage, scenarios: SCENARIOS }, { now })
  onTestFinished(async () => {
    await client.close()
    await storage.close()
  })
  return { client, storage }
}

const send = 'await client.sendSignals()'

describe('of three chunks the second', () => {
  type Moment = readonly [moment: string, freeze: NonNullable<ClientChildOptions['freeze']> | null, again: number]
  const moments: readonly Moment[] = [
    ['is claimed, and not posted', { at: 'claim', when: 'after', nth: 2 }, 0],
    ['is taken, and not answered', null, 250],
    ['is answered, and not marked', { at: 'markSent', when: 'before', nth: 2 }, 250],
    ['is marked', { at: 'markSent', when: 'after', nth: 2 }, 0],
  ]

  it.each(moments)('%s', async (_, freeze, again) => {
    let pushes = 0
    let child: ReturnType<typeof clientChild> | null = null
    let killed: Promise<void> | undefined
    const capi = await fake({
      onSignals: () => {
        if (++pushes === 2 && freeze === null) killed = child?.kill()
      },
    })
    const first = await open(capi)
    await first.client.addSignals(signalsOf(600, 's', MACHINE))
    child = clientChild({ where, url: capi.url, script: send, ...(freeze === null ? {} : { freeze }) })
    if (freeze === null) await capi.nextAnswer(() => pushes === 2)
    else {
      expect(await child.hears()).toBe('frozen')
      killed = child.kill()
    }
    await killed
    const before = capi.signals.length
    const [second] = capi.signals.slice(250)

    // What the dead one holds is left alone until its lease is over.
    const held = again > 0 || freeze?.at === 'claim' ? 250 : 0
    expect(await first.client.sendSignals()).toMatchObject({ sent: 100, remaining: held, failures: [] })
    const { client } = await open(capi, LEASE_IS_OVER)
    expect(await client.sendSignals()).toMatchObject({ sent: held, remaining: 0, failures: [] })

    expect([...capi.uuids()].sort()).toEqual(signalsOf(600, 's', MACHINE).map(({ uuid }) => uuid))
    expect(before).toBe(again > 0 || held === 0 ? 500 : 250)
    expect(capi.duplicates()).toHaveLength(again)
    for (const { uuid } of capi.duplicates()) {
      expect(capi.signalsOf(uuid ?? '')[0].batch).toBe(second.batch)
    }
    expect(await client.signalCounts()).toMatchObject({ queued: 0, sent: 0, quarantined: 0 })
  })
})

describe('a new machine', () => {
  it.each(['watchers', 'watchers/login'])(
    'keeps its identity where CAPI has processed %s and the answer finds nobody',
    async (call) => {
      const capi = await fake()
      const isCall = ({ path }: { readonly path: string }) => path === `/v3/${call}`
      // Processed at once; the answer would come after the test.
      capi.fault({ kind: 'slow', ms: 600_000 }, { match: isCall, times: 1 })
      const first = await open(capi)
      await first.client.addSignals(signalsOf(3, 's', MACHINE))
      const arrived = capi.nextRequest(isCall)
      const child = clientChild({ where, url: capi.url, script: send })
      await arrived
      await child.kill()
      const [known] = capi.machines()
      expect(known).toMatchObject({ machineId: MACHINE, logins: call === 'watchers' ? 0 : 1 })
      const stored = await first.storage.machines.get(MACHINE)
      expect(stored).toMatchObject({ password: known.password, api: null, token: null })

      const { client, storage } = await open(capi, LEASE_IS_OVER)
      expect(await client.sendSignals()).toMatchObject({ sent: 3, remaining: 0, failures: [] })
      expect(capi.machines()).toHaveLength(1)
      const passwords = capi.requests
        .filter(({ path }) => path.startsWith('/v3/watchers'))
        .map(({ body }): unknown => JSON.parse(body).password)
      expect(new Set(passwords)).toEqual(new Set([known.password]))
      expect(await storage.machines.get(MACHINE)).toMatchObject({
        password: known.password,
        api: `${capi.url}/v3/`,
        token: expect.any(String),
      })
      expect(capi.duplicates()).toEqual([])
    },
  )
})
