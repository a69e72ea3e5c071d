/**
 * Certificates and keys from files, read again when the files are replaced: certificates live for weeks now, processes for
 * months. A replacement that cannot be used is told and the old ones stay.
 */

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { BouncerError } from '../errors.js'
import { FailureLog } from '../failure-log.js'
import { stampOf } from '../file-watch.js'
import type { Logger } from '../logger.js'
import { errorOf, systemCodeOf } from '../thrown.js'

/** Paths of PEM files. */
export interface TlsFilePaths {
  /** Who we are: the certificate, with the intermediate ones behind it, and its key. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Whom we trust, in place of the authorities that Node knows. */
  readonly ca?: string | undefined
}

export type TlsMaterial = { readonly [Name in keyof TlsFilePaths]?: Buffer }

/** Milliseconds between two looks at the files. */
const LOOK_INTERVAL = 1000

export class TlsFiles {
  readonly #paths: readonly (readonly [keyof TlsFilePaths, string])[]
  readonly #logger: Logger
  readonly #failures: FailureLog
  #material: TlsMaterial
  #stamp: string | null = null
  #lookedAt = Number.NEGATIVE_INFINITY

  /** Reads the files at once. Throws `ERR_CSB_TLS`. */
  constructor(paths: TlsFilePaths, logger: Logger) {
    this.#paths = (['cert', 'key', 'ca'] as const).flatMap((name) => {
      const path = paths[name]
      return path === undefined ? [] : [[name, path] as const]
    })
    this.#logger = logger
    this.#failures = new FailureLog(logger, 'warn')
    this.#material = this.#read()
    this.#warnAboutAge(this.#material.cert)
  }

  get material(): TlsMaterial {
    return this.#material
  }

  /** Whether the files were replaced since the last call. Looks once a second at most, and says no in between. */
  async haveChanged(): Promise<boolean> {
    if (this.#paths.length === 0 || performance.now() - this.#lookedAt < LOOK_INTERVAL) return false
    this.#lookedAt = Number.POSITIVE_INFINITY // one look at a time: on a drive that hangs they would pile up
    const stamp = await this.#stampOfFiles()
    this.#lookedAt = performance.now()
    if (stamp === this.#stamp) return false
    this.#stamp = stamp
    return this.#readAgain()
  }

  #readAgain(): boolean {
    try {
      const material = this.#read()
      this.#failures.recovered()
      const isSame = this.#paths.every(([name]) => this.#material[name]?.equals(material[name] ?? Buffer.alloc(0)))
      if (isSame) return false
      this.#warnAboutAge(material.cert)
      this.#material = material
      this.#logger.info(`The certificate files were replaced and are read again: ${this.#names()}`)
      return true
    } catch (error) {
      // Also while a certificate is already new and its key still old.
      this.#stamp = null // to try again with the next look: the files may be good, and no descriptor have been left
      const failure = errorOf(error, 'ERR_CSB_TLS')
      this.#failures.failed(failure, `${failure.message}; those read before stay in use`)
      return false
    }
  }

  #read(): TlsMaterial {
    const material = Object.fromEntries(this.#paths.map(([name, path]) => [name, readPem(path)])) as TlsMaterial
    try {
      createSecureContext(material)
      if (material.ca !== undefined) new X509Certificate(material.ca) // what is none is ignored by the line above
    } catch (cause) {
      throw new BouncerError('ERR_CSB_TLS', `The files ${this.#names()} cannot be used for TLS (${reasonOf(cause)})`, {
        cause,
      })
    }
    return material
  }

  #warnAboutAge(cert: Buffer | undefined): void {
    if (cert === undefined) return
    const { validFrom, validTo } = new X509Certificate(cert)
    if (Date.parse(validTo) < Date.now()) this.#logger.warn(`The certificate of ${this.#names()} expired on ${validTo}`)
    if (Date.parse(validFrom) > Date.now()) {
      this.#logger.warn(`The certificate of ${this.#names()} is not valid before ${validFrom}; is the clock right?`)
    }
  }

  #names(): string {
    return this.#paths.map(([, path]) => path).join(', ')
  }

  /** What changes with the files. One that is missing for a moment is as good as one that is half written. */
  async #stampOfFiles(): Promise<string> {
    const stamps = this.#paths.map(([, path]) => stampOf(path))
    return (await Promise.all(stamps)).join()
  }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new BouncerError('ERR_CSB_TLS', `The certificate file ${path} cannot be read (${reasonOf(cause)})`, { cause })
  }
}

/** Codes only: messages of OpenSSL may quote what they could not read. */
function reasonOf(error: unknown): string {
  return systemCodeOf(error) ?? 'unknown format'
}
