/** One SQLite file, several processes: one that locks it, and two that send what is in it. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import * as kysely from 'kysely'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type CapiClient, createCapiClient } from '../../src/capi-client.js'
import { openSqlStorage, sqliteServer } from '../../src/signals/storage/sql/sql-storage.js'
import { FakeCapi } from '../../src/testing/index.js'
import { Child } from '../signals/child.js'
import { signalsOf } from '../signals/storage-behaviour.js'
import { clientChild } from './client-child.js'
import { machineIdOf, SCENARIOS } from './connected-client.js'

const library = JSON.stringify(resolve(import.meta.dirname, '../../dist/src/signals/storage/sql/sqlite-library.js'))
const MACHINE = machineIdOf('one')

let path: string

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'shared-'))
  path = join(folder, 'outbox.db')
  return () => rmSync(folder, { recursive: true })
})

/** Each time it is told: locks the file, or lets go of it. */
function lockHolder(): Child {
  return new Child(
    path,
    `const { loadSqlite } = await import(${library})
    const { DatabaseSync } = await loadSqlite()
    const database = new DatabaseSync(where)
    say('here')
    for (const step of ['begin immediate', 'commit']) {
      await told()
      database.exec(step)
      say(step)
    }
    database.close()`,
  )
}

async function fake(): Promise<FakeCapi> {
  const capi = await FakeCapi.start({ strict: true })
  onTestFinished(() => capi.stop())
  return capi
}

interface Opening {
  /** Milliseconds for which a lock is waited for. */
  readonly patience: number
  /** Runs before signals are marked as sent. */
  readonly beforeMark?: () => Promise<void>
}

async function open(capi: FakeCapi, { patience, beforeMark = async () => {} }: Opening): Promise<CapiClient> {
  const storage = await openSqlStorage(sqliteServer({ kysely, path, clock: Date.now, patience }))
  const signals = new Proxy(storage.signals, {
    get: (target, name) => {
      const method = Reflect.get(target, name)
      return async (...given: unknown[]) => {
        if (name === 'markSent') await beforeMark()
        return Reflect.apply(method, target, given)
      }
    },
  })
  const { machines, target, close } = storage
  const client = await createCapiClient({
    url: `${capi.url}/v3`,
    scenarios: SCENARIOS,
    storage: { machines, signals, target, close },
    retryDelay: 100,
  })
  onTestFinished(async () => {
    await client.close()
    await storage.close()
  })
  return client
}

/** The event loop turns, and time passes. */
function turns(count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count
    const timer = setInterval(() => {
      if (--left === 0) resolve(clearInterval(timer))
    }, 1)
  })
}

const locked = expect.objectContaining({
  code: 'ERR_CSB_STORAGE',
  message: expect.stringMatching(/another process keeps it locked; nothing was changed/),
})

describe('while another process locks the file', () => {
  it.each(['lets go of it', 'is killed'] as const)('signals wait until it %s, and are stored', async (end) => {
    const client = await open(await fake(), { patience: 20_000 })
    const holder = lockHolder()
    await holder.hears()
    holder.tell()
    expect(await holder.hears()).toBe('begin immediate')
    let isStored = false
    const adding = client.addSignals(signalsOf(3, 's', MACHINE)).finally(() => {
      isStored = true
    })
    await turns(50)
    expect(isStored).toBe(false)
    if (end === 'is killed') await holder.kill()
    else {
      holder.tell()
      await holder.end()
    }
    expect(await adding).toEqual({ added: 3, known: 0, dropped: 0 })
  })

  it('signals are refused after a while, and may be added again', async () => {
    const client = await open(await fake(), { patience: 30 })
    await client.addSignals(signalsOf(3, 's', MACHINE))
    const holder = lockHolder()
    await holder.hears()
    holder.tell()
    await holder.hears()
    await expect(client.addSignals(signalsOf(6, 's', MACHINE))).rejects.toEqual(locked)
    expect(await client.signalCounts()).toMatchObject({ queued: 3 })
    holder.tell()
    await holder.end()
    expect(await client.addSignals(signalsOf(6, 's', MACHINE))).toEqual({ added: 3, known: 3, dropped: 0 })
  })

  it('what CAPI took meanwhile is marked by the next run, and not sent again', async () => {
    const capi = await fake()
    const holder = lockHolder()
    await holder.hears()
    let isLocked = false
    const client = await open(capi, {
      patience: 30,
      beforeMark: async () => {
        if (isLocked) return
        isLocked = true
        holder.tell()
        await holder.hears()
      },
    })
    await client.addSignals(signalsOf(600, 's', MACHINE))
    const report = await client.sendSignals()
    expect(report).toMatchObject({ sent: 250, remaining: 600, failures: [{ machineId: MACHINE, error: locked }] })
    holder.tell()
    await holder.end()
    expect(await client.sendSignals()).toMatchObject({ sent: 350, remaining: 0, failures: [] })
    expect([capi.uuids().size, capi.duplicates()]).toEqual([600, []])
  })
})

describe('two senders', () => {
  it('send each signal once', async () => {
    const capi = await fake()
    const ids = ['one', 'two'].map(machineIdOf)
    const where = `sqlite:${path}`
    const store = await open(capi, { patience: 20_000 })
    for (const id of ids) await store.addSignals(signalsOf(2500, id.slice(0, 8), id))
    // The first answers are late enough for both to have begun.
    capi.fault({ kind: 'slow', ms: 30 }, { match: (request) => request.path === '/v3/signals' })
    const script = `
      say('here')
      await told()
      let sent = 0
      for (let remaining = 1; remaining > 0; ) {
        const report = await client.sendSignals()
        sent += report.sent
        remaining = report.remaining
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      say(sent)`
    const senders = [1, 2].map(() => clientChild({ where, url: capi.url, script }))
    for (const sender of senders) await sender.hears()
    for (const sender of senders) sender.tell()
    const sent = await Promise.all(senders.map((sender) => sender.hears() as Promise<number>))
    await Promise.all(senders.map((sender) => sender.end()))
    expect(Math.min(...sent)).toBeGreaterThan(0)
    expect(sent[0] + sent[1]).toBe(5000)
    expect([capi.signals.length, capi.uuids().size, capi.duplicates()]).toEqual([5000, 5000, []])
    expect(capi.machines()).toHaveLength(2)
  })
})
