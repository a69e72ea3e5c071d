/**
 * Countries and AS numbers from MMDB files (GeoLite2, DB-IP and the like), read again when they are replaced. The package
 * `maxmind` is loaded only here and only when asked for, because few need it.
 */

import type { Reader, Response } from 'maxmind'
import { BouncerError } from '../errors.js'
import { FileWatch } from '../file-watch.js'
import type { Logger } from '../logger.js'
import { messageOf, systemCodeOf } from '../thrown.js'
import type { GeoResolver, Place } from './geo-resolver.js'
import { asNumberIn, countryIn } from './mmdb-record.js'

export interface MmdbResolverOptions {
  readonly countryFile?: string | undefined
  readonly asnFile?: string | undefined
  readonly logger: Logger
  /** Milliseconds between looks at the files. Default 5000. */
  readonly interval?: number
}

interface Database {
  readonly path: string
  readonly find: (record: Response) => string | undefined
  reader: Reader<Response> | null
  watch: FileWatch | null
}

export class MmdbResolver implements GeoResolver {
  readonly #options: MmdbResolverOptions
  readonly #country: Database | null
  readonly #asn: Database | null
  #reading: Promise<void> = Promise.resolve()

  constructor(options: MmdbResolverOptions) {
    this.#options = options
    this.#country = databaseOf(options.countryFile, countryIn)
    this.#asn = databaseOf(options.asnFile, asNumberIn)
  }

  /** Reads the files. Rejects with `ERR_CSB_GEOIP`; a file that cannot be used now is read when it is replaced. */
  async start(): Promise<void> {
    const databases = [this.#country, this.#asn].filter((database) => database !== null)
    const read = await Promise.allSettled(
      databases.map(async (database) => {
        await this.#watch(database)
        await this.#read(database)
      }),
    )
    for (const one of read) if (one.status === 'rejected') throw one.reason
  }

  async stop(): Promise<void> {
    for (const database of [this.#country, this.#asn]) database?.watch?.stop()
    await this.#reading
  }

  locate(address: string): Place | null {
    const country = lookUp(this.#country, address)
    const as = lookUp(this.#asn, address)
    return country === undefined && as === undefined ? null : { country, as }
  }

  #watch(database: Database): Promise<void> {
    const changed = () => {
      this.#reading = this.#reading.then(() => this.#readAgain(database))
    }
    database.watch = new FileWatch({ path: database.path, interval: this.#options.interval ?? 5000, changed })
    return database.watch.start()
  }

  async #readAgain(database: Database): Promise<void> {
    const { logger } = this.#options
    try {
      await this.#read(database)
      logger.info(`${database.path} was replaced and is read again`)
    } catch (error) {
      const stays = database.reader === null ? '' : '; the database read before stays in use'
      logger.error(`${messageOf(error)}${stays}`)
    }
  }

  async #read(database: Database): Promise<void> {
    const { open } = await loadPackage()
    try {
      const reader = await open<Response>(database.path)
      // Both ends of the tree: a file may be damaged in between what the reader looks at when it opens it.
      for (const address of ['0.0.0.0', '255.255.255.255']) reader.get(address)
      database.reader = reader
    } catch (cause) {
      const reason = systemCodeOf(cause) ?? messageOf(cause)
      const message = `The MMDB file ${database.path} cannot be used: ${reason}`
      throw new BouncerError('ERR_CSB_GEOIP', message, { cause })
    }
  }
}

function databaseOf(path: string | undefined, find: Database['find']): Database | null {
  return path === undefined ? null : { path, find, reader: null, watch: null }
}

/** What is not in the database, or cannot be read from it, is not known. */
function lookUp(database: Database | null, address: string): string | undefined {
  if (database === null || database.reader === null) return undefined
  try {
    const record = database.reader.get(address)
    return record === null ? undefined : database.find(record)
  } catch {
    return undefined
  }
}

async function loadPackage(): Promise<typeof import('maxmind')> {
  try {
    return await import('maxmind')
  } catch (cause) {
    const message = 'The options geoip_country_file and geoip_asn_file need the package maxmind: npm install maxmind'
    throw new BouncerError('ERR_CSB_GEOIP', message, { cause })
  }
}
