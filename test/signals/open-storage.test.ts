import { execFile } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import * as kysely from 'kysely'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openStorage } from '../../src/signals/storage/open-storage.js'
import { openSqlStorage, postgresServer } from '../../src/signals/storage/sql/sql-storage.js'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'storage-'))
  return () => rmSync(folder, { recursive: true })
})

describe('a signal to give up', () => {
  it.each([
    ['that is closed', () => `${folder}/a.db`],
    ['that cannot be opened', () => `${folder}/no/where/a.db`],
  ])('is left by a storage %s', async (_, location) => {
    const { signal } = new AbortController()
    await openStorage(location(), { giveUp: signal })
      .then((storage) => storage.close())
      .catch(() => {})
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('what names a storage', () => {
  it.each([
    ['memory', () => 'memory', () => 'memory'],
    ['a path', () => `${folder}/a.db`, () => `sqlite:${folder}/a.db`],
    ['a path with odd signs', () => `${folder}/a b?#%.db`, () => `sqlite:${folder}/a b?#%.db`],
    ['sqlite:/path', () => `sqlite:${folder}/b.db`, () => `sqlite:${folder}/b.db`],
    ['sqlite:///path', () => `sqlite://${folder}/c.db`, () => `sqlite:${folder}/c.db`],
    ['SQLITE:/path', () => `SQLITE:${folder}/d.db`, () => `sqlite:${folder}/d.db`],
    [
      'a relative path',
      () => join('..', '..', '..', '..', '..', '..', '..', '..', folder, 'e.db'),
      () => `sqlite:${folder}/e.db`,
    ],
  ])('%s', async (_, where, target) => {
    const storage = await openStorage(where())
    expect(storage.target).toBe(target())
    await storage.close()
  })

  it('a letter before a colon is a drive of Windows', async () => {
    await expect(openStorage('c:/no/such/place.db')).rejects.toMatchObject({
      message: expect.stringMatching(/^The storage sqlite:.*c:.no.such.place\.db cannot be used: /),
    })
  })

  it.each([
    ['', 'not nothing'],
    ['sqlite:', 'not sqlite:...'],
    ['sqlite://host/path', 'not sqlite:...'],
    ['sqlite::memory:', 'A storage is memory, '],
    ['mysql://user:secret@host/db', 'not mysql:...'],
    ['file:///tmp/secret.db', 'not file:...'],
    ['postgresql:me:secret@host/db', 'cannot be parsed'],
    ['postgresql:secret', 'cannot be parsed'],
    ['postgresql://me:12/secret@host/db', 'cannot be parsed'],
    ['postgresql://me:12#secret@host/db', 'cannot be parsed'],
    ['postgresql://user:secret@[bad/db', 'cannot be parsed'],
    ['postgres://user:secret@host:port/db', 'cannot be parsed'],
  ])('not %s', async (where, message) => {
    const error = await openStorage(where).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CSB_STORAGE', message: expect.stringContaining(message) })
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('secret')
    expect((error as Error).cause).toBeUndefined()
  })
})

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as { port: number }).port
}

describe('a database that is not there', () => {
  it('is named where its name has several addresses, with the reason of each', () => {
    const refused = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:5432`))
    const { explain } = postgresServer({ kysely, url: new URL('postgres://localhost/signals') })
    expect(explain(new AggregateError(refused))).toBe(
      'connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432',
    )
  })

  it('is named where it takes the connection and never answers', async () => {
    const server = createServer()
    onTestFinished(() => void server.close())
    const url = new URL(`postgres://me:secret@127.0.0.1:${await listen(server)}/signals`)
    const connected = new Promise<Socket>((resolve) => server.once('connection', resolve))
    await expect(openSqlStorage(postgresServer({ kysely, url, patience: 50 }))).rejects.toMatchObject({
      code: 'ERR_CSB_STORAGE',
      message: expect.stringMatching(/^The storage postgresql:\/\/127.0.0.1:\d+\/signals cannot be used: .*timeout/),
    })
    await once((await connected).resume(), 'close')
  })

  it('is named without its password', async () => {
    const server = createServer()
    const port = await listen(server)
    await new Promise((done) => server.close(done))
    const error = await openStorage(`postgres://me:secret@127.0.0.1:${port}/signals?sslpassword=secret`).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({
      code: 'ERR_CSB_STORAGE',
      message: `The storage postgresql://127.0.0.1:${port}/signals cannot be used: connect ECONNREFUSED 127.0.0.1:${port}`,
    })
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('secret')
  })
})

describe('a package that is not installed', () => {
  /** What comes of it in a process that cannot find the package, nor a SQLite of its own. */
  async function openWithout(name: string, where: string): Promise<unknown> {
    const hooks = `
      export const resolve = (specifier, context, next) => {
        if (specifier !== ${JSON.stringify(name)}) return next(specifier, context)
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
      }`
    const script = `
      import { register } from 'node:module'
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))
      process.getBuiltinModule = () => undefined
      const { openStorage } = await import(${JSON.stringify(resolve(import.meta.dirname, '../../dist/src/signals/storage/open-storage.js'))})
      await openStorage(${JSON.stringify(where)}).catch(({ code, message }) => console.log(JSON.stringify({ code, message })))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    return JSON.parse(stdout || 'null')
  }

  it.each([
    ['kysely', () => join(folder, 'a.db'), 'kysely @photostructure/sqlite'],
    ['kysely', () => 'postgresql://127.0.0.1:1/x', 'kysely pg'],
    ['pg', () => 'postgresql://127.0.0.1:1/x', 'pg'],
    ['@photostructure/sqlite', () => join(folder, 'a.db'), '@photostructure/sqlite'],
  ])('is named with the command that installs all of them: %s', async (name, where, all) => {
    const message = `This storage needs the package ${name}, which cannot be loaded (ERR_MODULE_NOT_FOUND): npm install ${all}`
    expect(await openWithout(name, where())).toEqual({ code: 'ERR_CSB_STORAGE', message })
  })

  it.each(['kysely', 'pg', '@photostructure/sqlite'])('is not needed for the memory: %s', async (name) => {
    expect(await openWithout(name, 'memory')).toBeNull()
  })
})
