/** Opens the storage that an option names. Databases are loaded only when they are asked for. */

import { resolve } from 'node:path'
import { BouncerError } from '../../errors.js'
import { MemoryStorage } from './memory-storage.js'
import type { StorageOptions } from './outbox-limits.js'
import { readPostgresUrl, UNPARSABLE } from './postgres-url.js'
import { loadKysely } from './sql/kysely-library.js'
import { loadPostgres } from './sql/postgres-library.js'
import { loadSqlite } from './sql/sqlite-library.js'
import type { Storage } from './storage.js'

export type { StorageOptions }

/**
 * `memory`; `sqlite:/path` or a bare path, of a file that is made if need be; or `postgresql://user:password@host/database`. Throws
 * `ERR_CSB_STORAGE` where it cannot be used.
 */
export async function openStorage(where: string, options: StorageOptions = {}): Promise<Storage> {
  const place = placeOf(where)
  if (place.kind === 'memory') return new MemoryStorage(options)
  const kysely = await loadKysely(place.kind)
  const { openSqlStorage, postgresServer, sqliteServer } = await import('./sql/sql-storage.js')
  const { limits, clock, giveUp, onLost } = options
  const server =
    place.kind === 'sqlite'
      ? sqliteServer({ kysely, path: place.path, clock: clock ?? Date.now, onLost })
      : postgresServer({ kysely, url: place.url, clock })
  const onGiveUp = () => server.giveUp()
  // A signal outlives many storages where one is opened again and again.
  const forget = () => giveUp?.removeEventListener('abort', onGiveUp)
  if (giveUp?.aborted) onGiveUp()
  giveUp?.addEventListener('abort', onGiveUp)
  try {
    const storage = await openSqlStorage(server, { limits })
    return { ...storage, close: () => storage.close().finally(forget) }
  } catch (error) {
    forget()
    throw error
  }
}

/** Throws `ERR_CSB_STORAGE` where a package that the storage needs cannot be loaded. Opens nothing. */
export async function verifyPackages(where: string): Promise<void> {
  const { kind } = placeOf(where)
  if (kind === 'memory') return
  await loadKysely(kind)
  await (kind === 'sqlite' ? loadSqlite() : loadPostgres())
}

type Place =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgresql'; readonly url: URL }

function placeOf(where: string): Place {
  if (where === 'memory') return { kind: 'memory' }
  // Two letters at least: one is a drive of Windows.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(where)?.[1]?.toLowerCase()
  if (scheme === undefined && where !== '') return { kind: 'sqlite', path: resolve(where) }
  if (scheme === 'postgresql' || scheme === 'postgres') return { kind: 'postgresql', url: urlOf(where) }
  const path = where.slice('sqlite:'.length)
  // SQLite's own name for memory would make a file of that name.
  if (scheme === 'sqlite' && /^(?!\/\/[^/]|:memory:$)./.test(path)) return { kind: 'sqlite', path: resolve(path) }
  // Never quoted whole: it may hold a password.
  const came = scheme === undefined ? 'nothing' : `${scheme}:...`
  throw new BouncerError(
    'ERR_CSB_STORAGE',
    `A storage is memory, sqlite:/path/of/file or postgresql://user:password@host/database, not ${came}`,
  )
}

function urlOf(where: string): URL {
  const url = readPostgresUrl(where)
  if (url !== null) return url
  throw new BouncerError('ERR_CSB_STORAGE', `The URL of the storage ${UNPARSABLE}`)
}
