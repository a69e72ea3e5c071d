/** The PostgreSQL storage on a real server: the table that every storage passes, and what only a server and a network can do. */

import { inspect } from 'node:util'
import * as kysely from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openStorage, type StorageOptions } from '../../src/signals/storage/open-storage.js'
import { MIGRATIONS, type Migration } from '../../src/signals/storage/sql/migrations.js'
import { openSqlStorage, postgresServer } from '../../src/signals/storage/sql/sql-storage.js'
import type { Storage } from '../../src/signals/storage/storage.js'
import { Child } from '../signals/child.js'
import { describeStorage, machineOf, signalOf, signalsOf, takeLogin } from '../signals/storage-behaviour.js'
import { compareWithOracle } from '../signals/storage-oracle.js'
import { PostgresEngine } from './postgres-engine.js'

let engine: PostgresEngine

beforeAll(async () => {
  engine = await PostgresEngine.start()
})

afterAll(() => engine?.stop())

async function open(url: string, options: StorageOptions = {}): Promise<Storage> {
  const storage = await openStorage(url, options)
  onTestFinished(() => storage.close())
  return storage
}

const openEmpty = async (options: StorageOptions) => open(await engine.createDatabase(), options)

/** A connection of somebody else. */
async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

const claimOf = { machineId: 'm1', limit: 100, owner: 'a', lease: 60_000 }
const nameOf = (url: string) => new URL(url).pathname.slice(1)

/** That it is refused, for this reason, and without the password. */
async function refuses(work: Promise<unknown>, reason: RegExp): Promise<void> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown as Error & { readonly code: string },
  )
  expect(error).toMatchObject({ code: 'ERR_CSB_STORAGE', message: expect.stringMatching(reason) })
  expect(error?.message).toMatch(/postgresql:\/\/127\.0\.0\.1:\d+\/\w+/)
  expect(inspect(error, { depth: 9 })).not.toContain(engine.password)
}

describeStorage('PostgreSQL', openEmpty)

it('leads the same life as the slow outbox', async () => {
  await compareWithOracle(openEmpty, 60)
})

describe('several hosts', () => {
  it('go by the clock of the database', async () => {
    const url = await engine.createDatabase()
    const { signals } = await open(url)
    await signals.add(signalsOf(2))
    const [{ now }] = (await engine.query('postgres', 'select extract(epoch from now())::float8 * 1000 as now')) as [
      { now: number },
    ]
    const [stored] = await signals.list({ limit: 1 })
    expect(Math.abs(now - (stored?.storedAt ?? 0))).toBeLessThan(60_000)
    await signals.claim({ ...claimOf, limit: 1, lease: 0 })
    expect(await signals.claim(claimOf)).toHaveLength(2)
    expect(await signals.claim(claimOf)).toHaveLength(0)
  })

  it('give each signal to one of them', async () => {
    const url = await engine.createDatabase()
    const hosts = await Promise.all([open(url), open(url), open(url)])
    await hosts[0].signals.add(signalsOf(1000))
    const claims = hosts.map(async ({ signals }, index) => {
      const claimed: string[] = []
      for (;;) {
        const some = await signals.claim({ ...claimOf, owner: `host ${index}`, limit: 7 })
        if (some.length === 0) return claimed
        claimed.push(...some.map(({ uuid }) => uuid))
      }
    })
    const claimed = (await Promise.all(claims)).flat()
    expect(claimed.sort()).toEqual(signalsOf(1000).map(({ uuid }) => uuid))
  })

  it('do not wait for signals that another one has in hand', async () => {
    const url = await engine.createDatabase()
    const { signals } = await open(url)
    await signals.add([signalOf('1'), signalOf('2')])
    const other = await connect(url)
    await other.query("begin; select * from csb_signal where uuid = '1' for update")
    expect((await signals.claim(claimOf)).map(({ uuid }) => uuid)).toEqual(['2'])
    await other.query('rollback')
    expect((await signals.claim(claimOf)).map(({ uuid }) => uuid)).toEqual(['1'])
  })

  it('add the same signals in another order, and each is there once', async () => {
    const url = await engine.createDatabase()
    const hosts = await Promise.all([open(url), open(url)])
    const signals = signalsOf(1000)
    const [one, other] = await Promise.all([hosts[0].signals.add(signals), hosts[1].signals.add(signals.toReversed())])
    expect(one.added + other.added).toBe(1000)
    expect(one.known + other.known).toBe(1000)
  })

  it('share one budget of logins', async () => {
    const url = await engine.createDatabase()
    const hosts = await Promise.all([open(url), open(url)])
    const takes = Array.from({ length: 20 }, (_, index) => takeLogin(hosts[index % 2].machines, 1000, 1000, 7))
    expect((await Promise.all(takes)).filter((wait) => wait === 0)).toHaveLength(7)
  })

  it('make one first machine where all begin at once', async () => {
    const url = await engine.createDatabase()
    const hosts = await Promise.all([open(url), open(url)])
    const other = await connect(url)
    await other.query('begin; lock table csb_machine in share mode')
    const tries = hosts.map(({ machines }, index) => machines.addFirst(machineOf(`m${index}`)))
    const waits = `select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and datname = '${nameOf(url)}'`
    await expect.poll(() => engine.query('postgres', waits), { timeout: 20_000 }).toEqual([{ count: 2 }])
    await other.query('rollback')
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1)
    expect(await hosts[0].machines.list()).toHaveLength(1)
  })

  // Raised here, since PostgreSQL takes a second to see that two wait for each other, and may give up either.
  describe.each([
    ['deadlock_detected', '40P01'],
    ['serialization_failure', '40001'],
  ])('after %s', (_, code) => {
    const openGivingUp = async (times: number) => {
      const url = await engine.createDatabase()
      const { signals } = await open(url)
      await signals.add(signalsOf(2))
      await engine.query(
        nameOf(url),
        `create sequence tries;
        create function give_up() returns trigger language plpgsql as $$ begin
          if nextval('tries') <= ${times} then raise exception 'given up' using errcode = '${code}'; end if;
          return null;
        end $$;
        create trigger give_up after update on csb_signal for each statement execute function give_up()`,
      )
      return signals
    }

    it('try again', async () => {
      const signals = await openGivingUp(4)
      await signals.markSent(['s00000', 's00001'], { keep: true })
      expect(await signals.counts()).toMatchObject({ sent: 2 })
    })

    it('give up in the end, and all is as before', async () => {
      const signals = await openGivingUp(5)
      await refuses(signals.markSent(['s00000', 's00001'], { keep: true }), /given up/)
      expect(await signals.counts()).toMatchObject({ queued: 2 })
    })
  })
})

describe('a bad network', () => {
  it('costs one call where a connection is cut, and nothing where it was not in use', async () => {
    const url = await engine.createDatabase()
    const { signals } = await open(url)
    await signals.add(signalsOf(3))
    const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(url)}' and pid <> pg_backend_pid()`
    await engine.query('postgres', cut)
    // The pool hears of the cut on the socket, perhaps only with the next use.
    await signals.counts().catch(() => {})
    expect(await signals.counts()).toMatchObject({ queued: 3 })

    const other = await connect(url)
    await other.query('begin; lock table csb_signal in access exclusive mode')
    const adding = refuses(signals.add(signalsOf(5)), /terminating connection|terminated unexpectedly/)
    const waits = `select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = '${nameOf(url)}'`
    let [waiting] = await engine.query('postgres', waits)
    while (waiting === undefined) [waiting] = await engine.query('postgres', waits)
    await engine.query('postgres', `select pg_terminate_backend(pid) from (${waits}) as waiting`)
    await adding
    await other.query('rollback')
    expect(await signals.add(signalsOf(5))).toEqual({ added: 2, known: 3, dropped: 0 })
  })

  it('does not make a call wait for ever', async () => {
    const url = await engine.createDatabase()
    const storage = await openSqlStorage(postgresServer({ kysely, url: new URL(url), statement: 200 }))
    onTestFinished(() => storage.close())
    const other = await connect(url)
    await other.query('begin; lock table csb_signal in access exclusive mode')
    await refuses(storage.signals.add(signalsOf(5)), /timeout/)
    await other.query('rollback')
    expect(await storage.signals.add(signalsOf(5))).toMatchObject({ added: 5 })
  })

  it('is waited for no longer where the storage is given up', async () => {
    const url = await engine.createDatabase()
    const giveUp = new AbortController()
    const storage = await open(url, { giveUp: giveUp.signal })
    const other = await connect(url)
    await other.query('begin; lock table csb_signal in access exclusive mode')
    // More than the pool has connections: the last ones wait in its queue.
    const adding = Promise.all(
      Array.from({ length: 7 }, () => refuses(storage.signals.add(signalsOf(5)), /terminated|given up|ECONN/)),
    )
    const waits = `select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = '${nameOf(url)}'`
    while ((await engine.query('postgres', waits)).length < 1);
    const closing = storage.close()
    const began = performance.now()
    giveUp.abort()
    await Promise.all([adding, closing])
    expect(performance.now() - began).toBeLessThan(1000)
    await other.query('rollback')
    expect(await (await open(url)).signals.counts()).toMatchObject({ queued: 0 })
    await refuses(open(url, { giveUp: giveUp.signal }), /given up/)
  })

  it('costs no second call where the server ends a connection in the middle of one', async () => {
    const url = await engine.createDatabase()
    const { signals } = await open(url)
    await engine.query(
      nameOf(url),
      `create function cut() returns trigger language plpgsql as
        $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$;
      create trigger cut before update on csb_signal for each statement execute function cut()`,
    )
    for (let nth = 0; nth < 20; nth++) {
      await refuses(signals.quarantine('1', 'no'), /terminating connection|terminated unexpectedly/)
      expect(await signals.counts()).toMatchObject({ queued: 0 })
    }
  })

  it('is over when the server is there again', async () => {
    const { signals } = await openEmpty({})
    await signals.add(signalsOf(3))
    await engine.end()
    try {
      await refuses(signals.counts(), /ECONNREFUSED|terminat/)
      await refuses(signals.add(signalsOf(5)), /ECONNREFUSED/)
    } finally {
      await engine.launch()
    }
    expect(await signals.add(signalsOf(5))).toMatchObject({ added: 2 })
  })
})

it('stores why a signal is in quarantine, also where CAPI says what PostgreSQL refuses', async () => {
  const { signals } = await openEmpty({})
  await signals.add([signalOf('1')])
  await signals.quarantine('1', 'CAPI: "no\0"')
  expect(await signals.list({ limit: 1 })).toMatchObject([{ state: 'quarantined', reason: 'CAPI: "no"' }])
})

describe('what is wrong', () => {
  it.each([
    ['a password', () => engine.urlOf('postgres', `${engine.password}x`), /password authentication failed/],
    ['a database', () => engine.urlOf('nowhere'), /database "nowhere" does not exist/],
  ])('is told: %s', async (_, url, reason) => {
    await refuses(openStorage(url()), reason)
  })

  it('is told, without the row that it is about', async () => {
    const url = await engine.createDatabase()
    const { machines } = await open(url)
    await engine.query(nameOf(url), 'alter table csb_machine add constraint no_m1 check (machine_id <> $$m1$$)')
    await refuses(machines.add(machineOf('m1', { password: engine.password })), /violates check constraint/)
  })
})

describe('migrations', () => {
  const addColumn: Migration = async (transaction) => {
    await transaction.schema.alterTable('csb_machine').addColumn('note', 'text').execute()
  }
  const openWith = async (url: string, migrations: readonly Migration[]) => {
    const storage = await openSqlStorage(postgresServer({ kysely, url: new URL(url) }), { migrations })
    onTestFinished(() => storage.close())
    return storage
  }
  const now = MIGRATIONS.map((_, index) => ({ version: index + 1 }))
  const versions = (url: string) => engine.query(nameOf(url), 'select version from csb_migration order by version')

  it('are done once where several start at a time', async () => {
    const url = await engine.createDatabase()
    await Promise.all(Array.from({ length: 5 }, () => openWith(url, [...MIGRATIONS, addColumn])))
    expect(await versions(url)).toEqual([...now, { version: MIGRATIONS.length + 1 }])
  })

  it('leave machines and logins of version 1 as they were', async () => {
    const url = await engine.createDatabase()
    await openWith(url, MIGRATIONS.slice(0, 1))
    await engine.query(
      nameOf(url),
      `insert into csb_machine (machine_id, password, scenarios, standing, created_at)
      values ('m1', 'password of m1', '[]', '{"state":"active"}', ${machineOf('m1').createdAt});
      insert into csb_login (at) values (1000)`,
    )
    const { machines } = await open(url)
    expect(await machines.list()).toEqual([machineOf('m1')])
    expect(await takeLogin(machines, 1010, 100, 1)).toBe(90)
    expect(await takeLogin(machines, 1010, 100, 2)).toBe(0)
  })

  it('refuse a database of a newer release', async () => {
    const url = await engine.createDatabase()
    await openWith(url, [...MIGRATIONS, addColumn])
    await refuses(openStorage(url), /newer release .* has version 3, .* up to 2$/)
    const connections = `select count(*)::int from pg_stat_activity where datname = '${nameOf(url)}'`
    await expect.poll(() => engine.query('postgres', connections), { timeout: 5000 }).toEqual([{ count: 1 }])
  })

  it('leave the version before where the process is killed', async () => {
    const url = await engine.createDatabase()
    await (await open(url)).machines.add(machineOf('m1'))
    const child = new Child(
      url,
      `const hangs = async (transaction) => {
        await transaction.schema.alterTable('csb_machine').addColumn('note', 'text').execute()
        await transaction.deleteFrom('csb_machine').execute()
        say('in mid-migration')
        freeze()
      }
      await openSqlStorage(postgresServer({ kysely, url: new URL(where) }), { migrations: [...MIGRATIONS, hangs] })`,
    )
    expect(await child.hears()).toBe('in mid-migration')
    await child.kill()
    expect(await versions(url)).toEqual(now)
    const again = await openWith(url, [...MIGRATIONS, addColumn])
    expect(await again.machines.list()).toEqual([machineOf('m1')])
  })
})

it('keeps all or nothing of what a process was adding when it was killed', async () => {
  const url = await engine.createDatabase()
  const child = new Child(
    url,
    `const { signals } = await openStorage(where)
    const signal = (uuid) => ({ uuid, machine_id: 'm1' })
    await signals.add([signal('before')])
    let asked = 0
    const many = Array.from({ length: 100_000 }, (_, index) => signal('s' + index))
    // Each is read when its slice is stored.
    Object.defineProperty(many[2000], 'uuid', { enumerable: true, get: () => { say('in mid-add'); freeze() } })
    await signals.add(many)`,
  )
  expect(await child.hears()).toBe('in mid-add')
  await child.kill()
  const { signals } = await open(url)
  // Waits until the server has seen that the other one is gone, and has rolled back.
  expect(await signals.add(signalsOf(3))).toMatchObject({ added: 3 })
  expect(await signals.counts()).toMatchObject({ queued: 4 })
})
