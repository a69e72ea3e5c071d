/**
 * Countries and AS numbers from MMDB files (GeoLite2, DB-IP and the like), read again when they are replaced. The package
 * `maxmind` is loaded only here and only when asked for, because few need it.
 */

import type { Reader, Response } from 'maxmind'
import { BouncerError } from '../errors.js'
import { FailureLog } from '../failure-log.js'
import { FileWatch } from '../file-watch.js'
import type { Logger } from '../logger.js'
import { errorOf, isSystemError, messageOf, systemCodeOf } from '../thrown.js'
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
  readonly failures: FailureLog
  reader: Reader<Response> | null
  watch: FileWatch | null
  /** One after the other: of two readings the later one must be the last. */
  reading: Promise<void>
}

export class MmdbResolver implements GeoResolver {
  readonly #options: MmdbResolverOptions
  readonly #country: Database | null
  readonly #asn: Database | null
  #isStopped = false

  constructor(options: MmdbResolverOptions) {
    this.#options = options
    this.#country = databaseOf(options, options.countryFile, countryIn)
    this.#asn = databaseOf(options, options.asnFile, asNumberIn)
  }

  /** Reads the files. Rejects with `ERR_CSB_GEOIP`; a file that cannot be used now is read as soon as it can be. */
  async start(): Promise<void> {
    const databases = [this.#country, this.#asn].filter((database) => database !== null)
    const read = await Promise.allSettled(
      databases.map(async (database) => {
        await this.#watch(database)
        const first = this.#read(database)
        database.reading = first.catch(() => {})
        await first
      }),
    )
    for (const one of read) if (one.status === 'rejected') throw one.reason
  }

  /** Does not wait for a file that is being read: a drive that hangs would hold up everybody's stop. */
  stop(): void {
    this.#isStopped = true
    for (const database of [this.#country, this.#asn]) database?.watch?.stop()
  }

  locate(address: string): Place | null {
    const country = lookUp(this.#country, address)
    const as = lookUp(this.#asn, address)
    return country === undefined && as === undefined ? null : { country, as }
  }

  #watch(database: Database): Promise<void> {
    const changed = () => {
      database.reading = database.reading.then(() => this.#readAgain(database))
    }
    database.watch = new FileWatch({ path: database.path, interval: this.#options.interval ?? 5000, changed })
    return database.watch.start()
  }

  async #readAgain(database: Database): Promise<void> {
    try {
      await this.#read(database)
      if (this.#isStopped) return
      database.failures.recovered()
      this.#options.logger.info(`${database.path} was replaced and is read again`)
    } catch (error) {
      if (this.#isStopped) return
      const failure = errorOf(error, 'ERR_CSB_GEOIP')
      const stays = database.reader === null ? '' : '; the database read before stays in use'
      database.failures.failed(failure, `${failure.message}${stays}`)
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
      if (isSystemError(cause)) database.watch?.forget()
      const reason = systemCodeOf(cause) ?? messageOf(cause)
      const message = `The MMDB file ${database.path} cannot be used: ${reason}`
      throw new BouncerError('ERR_CSB_GEOIP', message, { cause })
    }
  }
}

function databaseOf(
  { logger }: MmdbResolverOptions,
  path: string | undefined,
  find: Database['find'],
): Database | null {
  if (path === undefined) return null
  const failures = new FailureLog(logger, 'error')
  return { path, find, failures, reader: null, watch: null, reading: Promise.resolve() }
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
