import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as kysely from 'kysely'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openStorage } from '../../src/signals/storage/open-storage.js'
import type { OutboxLimits } from '../../src/signals/storage/signal-storage.js'
import { MIGRATIONS, type Migration } from '../../src/signals/storage/sql/migrations.js'
import { openSqlStorage, sqliteServer } from '../../src/signals/storage/sql/sql-storage.js'
import { loadSqlite, type SqliteDatabase } from '../../src/signals/storage/sql/sqlite-library.js'
import type { Storage } from '../../src/signals/storage/storage.js'
import { Child } from './child.js'
import { machineOf, signalOf, signalsOf, takeLogin } from './storage-behaviour.js'

let path: string
let where: string

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'storage-'))
  path = join(folder, 'storage.db')
  where = `sqlite:${path}`
  return () => rmSync(folder, { recursive: true })
})

interface Opening {
  readonly patience?: number
  readonly limits?: Partial<OutboxLimits>
  readonly migrations?: readonly Migration[]
}

async function open({ patience = 5000, ...options }: Opening = {}): Promise<Storage> {
  const storage = await openSqlStorage(sqliteServer({ kysely, path, clock: Date.now, patience }), options)
  onTestFinished(() => storage.close())
  return storage
}

async function raw(): Promise<SqliteDatabase> {
  const { DatabaseSync } = await loadSqlite()
  const database = new DatabaseSync(path)
  onTestFinished(() => database.close())
  return database
}

const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8)

const failure = (message: string) => expect.objectContaining({ code: 'ERR_CSB_STORAGE', message })
const failureLike = (message: RegExp) => failure(expect.stringMatching(message) as unknown as string)

describe('the file', () => {
  it('is for its user only, with all that SQLite puts beside it', async () => {
    const umask = process.umask(0)
    onTestFinished(() => void process.umask(umask))
    const storage = await open()
    await storage.signals.add(signalsOf(3))
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect([file, modeOf(file)]).toEqual([file, '600'])
  })

  it.each([
    [0o664, '660'],
    [0o602, '600'],
    [0o641, '640'],
    [0o640, '640'],
  ])('of mode %o is closed to the world, and stays open to the group: %s', async (mode, expected) => {
    writeFileSync(path, '')
    await chmod(path, mode)
    await open()
    expect(modeOf(path)).toBe(expected)
  })

  it.each([
    ['in a folder that is not there', (folder: string) => join(folder, 'missing/storage.db'), /ENOENT/],
    ['that is a folder', (folder: string) => folder, /it is no file/],
  ])('%s is named', async (_, pathOf, reason) => {
    const wrong = pathOf(join(path, '..'))
    await expect(openStorage(wrong)).rejects.toEqual(failureLike(reason))
    await expect(openStorage(wrong)).rejects.toEqual(failureLike(new RegExp(`sqlite:${wrong} cannot be used`)))
  })

  // A device would be one too: `sqlite:/dev/null`, run as root, must not take it away from everybody else.
  it('that is no file is neither opened nor changed', async () => {
    execFileSync('mkfifo', [path])
    await chmod(path, 0o666)
    await expect(open()).rejects.toEqual(failureLike(/storage\.db cannot be used: it is no file/))
    expect(modeOf(path)).toBe('666')
  })

  it('is left as it is where it is something else', async () => {
    const text = 'my diary\n'.repeat(1000)
    writeFileSync(path, text)
    await expect(open()).rejects.toEqual(failureLike(/sqlite:.*storage\.db cannot be used: the file is not a SQLite/))
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it.each(['delete', 'wal'])(
    'is left as it is where it is the database of something else: journal_mode %s',
    async (mode) => {
      const { DatabaseSync } = await loadSqlite()
      const other = new DatabaseSync(path)
      other.exec(`pragma journal_mode = ${mode}; create table diary (day text); insert into diary values ('monday')`)
      other.close()
      await chmod(path, 0o644)
      const files = readdirSync(join(path, '..'))
      const bytes = readFileSync(path)
      const refusal = failureLike(
        /storage\.db cannot be used: the file is the database of something else \(.*Name a file of/,
      )
      await expect(open()).rejects.toEqual(refusal)
      await expect(open()).rejects.toEqual(refusal)
      expect(modeOf(path)).toBe('644')
      expect(readFileSync(path).equals(bytes)).toBe(true)
      // A reader of a database with a log makes that, too, and @photostructure/sqlite 1.2 leaves it behind, empty.
      if (mode === 'delete') expect(readdirSync(join(path, '..'))).toEqual(files)
    },
  )

  it('is taken where whoever made it died before there was a table', async () => {
    const { DatabaseSync } = await loadSqlite()
    const begun = new DatabaseSync(path)
    begun.exec('pragma journal_mode = wal')
    begun.close()
    expect(statSync(path).size).toBeGreaterThan(0)
    const storage = await open()
    await storage.signals.add(signalsOf(1))
  })

  it('loses the rights of others with what lies beside it', async () => {
    await open()
    for (const file of [path, `${path}-wal`, `${path}-shm`]) await chmod(file, 0o664)
    await open()
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect([file, modeOf(file)]).toEqual([file, '660'])
  })

  it('is left as it is where it is damaged', async () => {
    const storage = await open()
    await storage.signals.add(signalsOf(2000))
    await storage.close()
    const bytes = readFileSync(path)
    bytes.fill(0xff, 8192, bytes.length - 4096)
    writeFileSync(path, bytes)
    const damaged = await open()
    await expect(damaged.signals.list({ limit: 5000 })).rejects.toEqual(failureLike(/storage\.db.*the file is damaged/))
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })

  it('is written to the disk with each commit, and its log does not stay large', async () => {
    const pragmas: unknown[] = []
    const look: Migration = async (transaction) => {
      for (const name of ['synchronous', 'journal_mode', 'journal_size_limit'])
        pragmas.push(...(await kysely.sql`pragma ${kysely.sql.raw(name)}`.execute(transaction)).rows)
    }
    await open({ migrations: [...MIGRATIONS, look] })
    expect(pragmas).toEqual([{ synchronous: 2 }, { journal_mode: 'wal' }, { journal_size_limit: 16 * 2 ** 20 }])
  })

  it('stays within the limit where each process adds one signal and ends', async () => {
    for (let index = 0; index < 12; index++) {
      const { signals, close } = await open({ limits: { maxSignals: 100 } })
      await signals.add(index === 0 ? signalsOf(100) : [signalOf(`process ${index}`)])
      expect(await signals.counts()).toMatchObject({ queued: 100 })
      await close()
    }
  })

  it('keeps no login that counts no more', async () => {
    const { machines } = await open()
    const kept = async () => (await raw()).prepare('select at from csb_login order by at').all()
    for (const now of [1000, 1050, 1100]) await takeLogin(machines, now, 100, 9)
    expect(await kept()).toEqual([{ at: 1050 }, { at: 1100 }])
    await takeLogin(machines, 1000, 100, 9)
    expect(await kept()).toEqual([{ at: 1000 }, { at: 1050 }, { at: 1100 }])
    await takeLogin(machines, 999, 100, 9)
    expect(await kept()).toEqual([{ at: 999 }, { at: 1000 }, { at: 1050 }])
  })

  it('holds everything after it was closed and opened again', async () => {
    const storage = await open()
    await storage.signals.add(signalsOf(3))
    await storage.machines.add(machineOf('m1'))
    await storage.close()
    const again = await open()
    expect(await again.machines.list()).toEqual([machineOf('m1')])
    expect(await again.signals.counts()).toMatchObject({ queued: 3 })
  })

  it('is not used any more after it was closed', async () => {
    const storage = await open()
    const adding = storage.signals.add(signalsOf(1000))
    await storage.close()
    expect(await adding).toMatchObject({ added: 1000 })
    await expect(storage.signals.counts()).rejects.toEqual(failureLike(/destroyed|closed/))
    await storage.close()
  })
})

describe('a file that is lost while it is open', () => {
  const calls: readonly [string, (storage: Storage) => Promise<unknown>][] = [
    ['add', ({ signals }) => signals.add([signalOf('new')])],
    ['claim', ({ signals }) => signals.claim({ machineId: 'm1', limit: 1, owner: 'a', lease: 1 })],
    ['markSent', ({ signals }) => signals.markSent(['s0'], { keep: true })],
    ['machinesWithQueued', ({ signals }) => signals.machinesWithQueued()],
    ['counts', ({ signals }) => signals.counts()],
    ['machines.list', ({ machines }) => machines.list()],
  ]

  it.each(calls)('is noticed by %s', async (_, call) => {
    const lost: string[] = []
    const storage = await openStorage(where, { onLost: ({ message }) => lost.push(message) })
    onTestFinished(() => storage.close())
    await storage.signals.add(signalsOf(3))
    rmSync(path)
    const message = `The storage ${where} cannot be used: the file was deleted or moved away while it was in use`
    await expect(call(storage)).rejects.toEqual(failure(message))
    writeFileSync(path, '')
    await expect(call(storage)).rejects.toEqual(failureLike(/the file was replaced by another one while/))
    expect(lost).toEqual([message, expect.stringContaining('replaced')])
  })

  it('takes nothing that had to wait for a lock meanwhile', async () => {
    const storage = await open()
    const other = await raw()
    other.exec('begin immediate')
    const adding = storage.signals.add(signalsOf(3))
    await new Promise(setImmediate)
    renameSync(path, `${path}.old`)
    other.exec('commit')
    await expect(adding).rejects.toEqual(failureLike(/deleted or moved away/))
    expect(other.prepare('select * from csb_signal').all()).toEqual([])
    renameSync(`${path}.old`, path)
    expect(await storage.signals.add(signalsOf(3))).toMatchObject({ added: 3 })
  })
})

describe('a file that several processes have open', () => {
  it('is lost for each of them when it notices, and the last one harms nothing that is in the new file', async () => {
    const storage = await openStorage(where)
    await storage.signals.add(signalsOf(300))
    const child = new Child(
      where,
      `const old = await openStorage(where)
      say(await old.signals.add([{ uuid: 'of the child', machine_id: 'm1' }]))
      await told()
      say(await old.signals.counts().catch((error) => error.message))
      await old.close()
      const { signals, close } = await openStorage(where)
      say(await signals.counts())
      await close()`,
    )
    expect(await child.hears()).toMatchObject({ added: 1 })
    rmSync(path)
    await expect(storage.signals.counts()).rejects.toEqual(failureLike(/deleted or moved away/))
    await storage.close()
    const anew = await open()
    await anew.signals.add(signalsOf(500))
    child.tell()
    expect(await child.hears()).toMatch(/replaced by another one/)
    expect(await child.hears()).toMatchObject({ queued: 500 })
    await child.end()
    expect(await anew.signals.counts()).toMatchObject({ queued: 500 })
  })
})

describe('a storage that is given up', () => {
  it('waits for no lock any more', async () => {
    const giveUp = new AbortController()
    const storage = await openStorage(where, { giveUp: giveUp.signal })
    const other = await raw()
    other.exec('begin immediate')
    const began = performance.now()
    const adding = storage.signals.add(signalsOf(3))
    const closing = storage.close()
    giveUp.abort()
    await expect(adding).rejects.toEqual(failureLike(/another process keeps it locked/))
    await closing
    expect(performance.now() - began).toBeLessThan(2000) // of the 5 s that it would wait
  })
})

describe('a lock of another process', () => {
  it('is waited for, and nobody else waits with it', async () => {
    const storage = await open()
    const other = await raw()
    other.exec('begin immediate')
    const adding = storage.signals.add(signalsOf(3))
    // The loop turns while the lock is waited for, else this would never come to its end.
    let turns = 0
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (++turns === 20) resolve(clearInterval(timer))
      }, 1)
    })
    other.exec('commit')
    expect(await adding).toEqual({ added: 3, known: 0, dropped: 0 })
  })

  it('is waited for also by one that reads before it writes', async () => {
    const [one, other] = [await open(), await open()]
    const takes = Array.from({ length: 20 }, (_, nth) =>
      takeLogin((nth % 2 === 0 ? one : other).machines, 1000, 100, 7),
    )
    expect((await Promise.all(takes)).filter((wait) => wait === 0)).toHaveLength(7)
    const machines = ['m1', 'm2'].map((id, nth) => (nth === 0 ? one : other).machines.addFirst(machineOf(id)))
    expect((await Promise.all(machines)).filter(Boolean)).toHaveLength(1)
  })

  it('is an error after a while, and nothing is lost', async () => {
    const storage = await open({ patience: 30 })
    await storage.signals.add(signalsOf(3))
    const other = await raw()
    other.exec('begin immediate')
    const busy = failureLike(/another process keeps it locked.*a later try may succeed/)
    await expect(storage.signals.add([signalOf('new')])).rejects.toEqual(busy)
    await expect(storage.signals.claim({ machineId: 'm1', limit: 1, owner: 'a', lease: 1 })).rejects.toEqual(busy)
    await expect(takeLogin(storage.machines, 1, 1, 1)).rejects.toEqual(busy)
    expect(await storage.signals.counts()).toMatchObject({ queued: 3 })
    other.exec('rollback')
    expect(await storage.signals.add([signalOf('new')])).toMatchObject({ added: 1 })
  })
})

describe('a full disk', () => {
  it('rolls back, and what is deleted makes room again', async () => {
    const small: Migration = async (transaction) => {
      await kysely.sql`pragma max_page_count = 60`.execute(transaction)
    }
    const storage = await open({ migrations: [...MIGRATIONS, small] })
    await storage.signals.add(signalsOf(50))
    await expect(storage.signals.add(signalsOf(2000, 'more'))).rejects.toEqual(failureLike(/the disk is full; nothing/))
    expect(await storage.signals.counts()).toMatchObject({ queued: 50 })
    await storage.machines.add(machineOf('m1'))
    expect(await storage.signals.prune({})).toBe(50)
    expect(await storage.signals.add(signalsOf(50, 'again'))).toMatchObject({ added: 50 })
  })
})

describe('the event loop', () => {
  it('is not held up by the commit of a large deletion: each part is there for others at once', async () => {
    const storage = await open()
    const other = await open()
    await storage.signals.add(signalsOf(2000))
    const left: number[] = []
    let isOver = false
    const pruning = storage.signals.prune({}).finally(() => {
      isOver = true
    })
    while (!isOver) left.push((await other.signals.counts()).queued)
    expect(await pruning).toBe(2000)
    expect(left.some((count) => count > 0 && count < 2000)).toBe(true)
  })

  it('turns while much is added, and others wait for all of it', async () => {
    const storage = await open()
    let turns = 0
    let counting = true
    const count = () => {
      turns++
      if (counting) setImmediate(count)
    }
    const adding = storage.signals.add(signalsOf(20_000))
    count()
    const counts = await storage.signals.counts()
    counting = false
    expect(counts.queued).toBe(20_000)
    expect(turns).toBeGreaterThan(60)
    await adding
  })
})

describe('migrations', () => {
  const addColumn: Migration = async (transaction) => {
    await transaction.schema.alterTable('csb_machine').addColumn('note', 'text').execute()
  }
  const now = MIGRATIONS.map((_, index) => ({ version: index + 1 }))
  const columns = async () => (await raw()).prepare("select name from pragma_table_info('csb_machine')").all()
  const versions = async () => (await raw()).prepare('select version from csb_migration order by version').all()

  it('are done once, in their order', async () => {
    await (await open()).close()
    expect(await versions()).toEqual(now)
    const storage = await open({ migrations: [...MIGRATIONS, addColumn] })
    await storage.close()
    await (await open({ migrations: [...MIGRATIONS, addColumn] })).close()
    expect(await versions()).toEqual([...now, { version: MIGRATIONS.length + 1 }])
    expect(await columns()).toContainEqual({ name: 'note' })
  })

  it('leave machines and logins of version 1 as they were', async () => {
    await (await open({ migrations: MIGRATIONS.slice(0, 1) })).close()
    const old = await raw()
    old.exec(
      `insert into csb_machine (machine_id, password, scenarios, standing, created_at)
      values ('m1', 'password of m1', '[]', '{"state":"active"}', ${machineOf('m1').createdAt});
      insert into csb_login (at) values (1000)`,
    )
    const { machines } = await open()
    expect(await machines.list()).toEqual([machineOf('m1')])
    expect(await takeLogin(machines, 1010, 100, 1)).toBe(90)
    expect(await takeLogin(machines, 1010, 100, 2)).toBe(0)
  })

  it('refuse a database of a newer release', async () => {
    await (await open({ migrations: [...MIGRATIONS, addColumn] })).close()
    await expect(open()).rejects.toEqual(
      failureLike(/storage\.db was written by a newer release .* has version 3, .* up to 2$/),
    )
  })

  it('leave the version before where one fails', async () => {
    const storage = await open()
    await storage.machines.add(machineOf('m1'))
    await storage.close()
    const broken: Migration = async (transaction, server) => {
      await addColumn(transaction, server)
      throw new Error('no more')
    }
    await expect(open({ migrations: [...MIGRATIONS, broken] })).rejects.toEqual(failureLike(/no more/))
    expect(await versions()).toEqual(now)
    expect(await columns()).not.toContainEqual({ name: 'note' })
    expect(await (await open()).machines.list()).toEqual([machineOf('m1')])
  })

  it('leave the version before where the process is killed', async () => {
    const storage = await open()
    await storage.machines.add(machineOf('m1'))
    await storage.close()
    const child = new Child(
      where,
      `const hangs = async (transaction) => {
        await transaction.schema.alterTable('csb_machine').addColumn('note', 'text').execute()
        await transaction.deleteFrom('csb_machine').execute()
        say('in mid-migration')
        freeze()
      }
      await openSqlStorage(sqliteServer({ kysely, path: ${JSON.stringify(path)}, clock: Date.now }), { migrations: [...MIGRATIONS, hangs] })`,
    )
    expect(await child.hears()).toBe('in mid-migration')
    await child.kill()
    expect(await versions()).toEqual(now)
    expect(await columns()).not.toContainEqual({ name: 'note' })
    const again = await open({ migrations: [...MIGRATIONS, addColumn] })
    expect(await again.machines.list()).toEqual([machineOf('m1')])
  })
})

describe('several processes', () => {
  it('keep all or nothing of what one of them was adding when it was killed', async () => {
    const child = new Child(
      where,
      `const { signals } = await openStorage(where)
      const signal = (uuid) => ({ uuid, machine_id: 'm1' })
      await signals.add([signal('before')])
      let turns = 0
      const turn = () => {
        if (++turns < 50) return setImmediate(turn)
        say('in mid-add')
        freeze()
      }
      turn()
      await signals.add(Array.from({ length: 100_000 }, (_, index) => signal('s' + index)))
      say('too late')`,
    )
    expect(await child.hears()).toBe('in mid-add')
    await child.kill()
    const { signals } = await open()
    expect((await signals.list({ limit: 10 })).map(({ signal }) => signal.uuid)).toEqual(['before'])
    expect(await signals.add(signalsOf(3))).toMatchObject({ added: 3 })
  })

  it('may start at once on a new file, and share signals and logins', async () => {
    const script = (name: string) => `
      say('here')
      await told()
      const { signals, machines, close } = await openStorage(where)
      const name = ${JSON.stringify(name)}
      await signals.add(Array.from({ length: 400 }, (_, index) => ({ uuid: name + index, machine_id: 'm1' })))
      await signals.add(Array.from({ length: 100 }, (_, index) => ({ uuid: 'both' + index, machine_id: 'm1' })))
      let logins = 0
      for (let index = 0; index < 20; index++) {
        const login = { owner: name + index, machineId: name + index, from: 1000 + index, until: 2000 }
        if ((await machines.takeLogin(login, { window: 1e6, budget: 9 })) === 'taken') logins++
      }
      say('added')
      await told()
      const claimed = []
      for (;;) {
        const some = await signals.claim({ machineId: 'm1', limit: 7, owner: name, lease: 60000 })
        if (some.length === 0) break
        claimed.push(...some.map(({ uuid }) => uuid))
      }
      say({ logins, claimed })
      await close()`
    const children = ['a', 'b', 'c'].map((name) => new Child(where, script(name)))
    for (const step of ['here', 'added']) {
      expect(await Promise.all(children.map((child) => child.hears()))).toEqual(children.map(() => step))
      for (const child of children) child.tell()
    }
    const results = await Promise.all(children.map((child) => child.hears() as Promise<Share>))
    await Promise.all(children.map((child) => child.end()))
    const claimed = results.flatMap((result) => result.claimed)
    expect(claimed).toHaveLength(1300)
    expect(new Set(claimed).size).toBe(1300)
    expect(results.reduce((sum, { logins }) => sum + logins, 0)).toBe(9)
  })
})

interface Share {
  readonly logins: number
  readonly claimed: readonly string[]
}
