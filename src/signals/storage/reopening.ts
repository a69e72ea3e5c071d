/**
 * What works on a storage whose file may be lost while it is in use: then it is closed, and opened anew. One after the other: a new
 * one would find the write-ahead log of the old one by its name.
 */

import type { BouncerError } from '../../errors.js'
import type { FailureLog } from '../../failure-log.js'
import type { Storage } from './storage.js'

export interface ReopeningOptions<Open extends { readonly storage: Storage }> {
  /** `onLost` is for the storage. */
  readonly open: (onLost: (error: BouncerError) => void) => Promise<Open>
  readonly close: (open: Open) => Promise<void>
  /** Tells of a file that is lost, and when all is well again. */
  readonly failures: FailureLog
  readonly onLost?: (error: BouncerError) => void
}

export class Reopening<Open extends { readonly storage: Storage }> {
  readonly #options: ReopeningOptions<Open>
  #opening: Promise<Open> | null = null
  #open: Open | null = null
  #end: { readonly reason: Error } | null = null

  constructor(options: ReopeningOptions<Open>) {
    this.#options = options
  }

  /** What is open; null while nothing is. */
  get current(): Open | null {
    return this.#open
  }

  /** Throws why it could not be opened. The next call is the next try. */
  opened(): Promise<Open> {
    if (this.#end !== null) return Promise.reject(this.#end.reason)
    return this.#opening ?? this.#begin(this.#openNow())
  }

  /** And once more where the file turned out to be lost. */
  async run<Result>(work: (open: Open) => Promise<Result>): Promise<Result> {
    const open = await this.opened()
    try {
      return await work(open)
    } catch (error) {
      if (this.#end !== null || open === this.#open) throw error
    }
    return work(await this.opened())
  }

  /** Closes what is open or being opened, after something else has ended. From now on nothing is opened, for this reason. */
  async close(reason: Error, after?: Promise<unknown>): Promise<void> {
    this.#end ??= { reason }
    this.#open = null
    await after
    const open = await this.#opening?.catch(() => null)
    if (open) await this.#options.close(open)
  }

  #begin(opening: Promise<Open>): Promise<Open> {
    this.#opening = opening
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = null
    })
    return opening
  }

  async #openNow(): Promise<Open> {
    if (this.#end !== null) throw this.#end.reason
    let mine: Open | null = null
    const open = await this.#options.open((error) => {
      if (mine !== null) this.#lost(mine, error)
    })
    if (this.#end !== null) return open // whoever ended it closes this one, too
    mine = open
    this.#open = open
    this.#options.failures.recovered(`The storage ${open.storage.target} is open now`)
    return open
  }

  #lost(open: Open, error: BouncerError): void {
    if (open !== this.#open) return
    const { close, failures, onLost } = this.#options
    failures.failed(error, `${error.message}; it is opened anew, and what waited in the old file is not sent`)
    onLost?.(error)
    this.#open = null
    const closed = close(open).catch(() => {}) // what is wrong with it has been told
    this.#begin(closed.then(() => this.#openNow()))
  }
}
