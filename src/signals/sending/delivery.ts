/**
 * From signals that are claimed to CAPI: posts them, halves what is refused until the bad ones stand alone, and marks what was taken
 * before anything else is sent.
 */

import type { CapiApi } from '../../capi/api/capi-api.js'
import { CapiError } from '../../capi/capi-error.js'
import type { Machines } from '../../capi/machines/machines.js'
import { outcomeOf, wasForbidden } from '../../capi/machines/standing.js'
import { BouncerError } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { SignalStorage } from '../storage/signal-storage.js'
import { FilterSearch, type Part } from './filter-search.js'
import { refusedForItsContent, refusesAll, refusesTheRest } from './refusals.js'
import { isAboutSignals } from './setback.js'
import { Suspects } from './suspects.js'

/** After so many chunks of which CAPI takes nothing, it is at fault and not the signals. */
const MOST_CHUNKS_IN_VAIN = 4

export interface DeliveryOptions {
  readonly machineId: string
  readonly api: Pick<CapiApi, 'pushSignals'>
  readonly machines: Pick<Machines, 'withToken' | 'standing'>
  readonly storage: Pick<SignalStorage, 'markSent' | 'quarantine'>
  readonly timeout: number
  /** Of `now`. */
  readonly endsAt: number
  /** Sent signals: deleted, or kept as sent. */
  readonly sent: 'prune' | 'keep'
  /** Uuids that CAPI has taken and that the storage could not mark. Outlives the run. */
  readonly unmarked: Set<string>
  /** Whether something on the way to CAPI is known to refuse signals for what is in them. Of all machines; outlives the run. */
  readonly filter: { isKnown: boolean }
  readonly logger: Logger
  readonly now: () => number
  readonly random: () => number
  readonly onProgress: () => void
  readonly signal: AbortSignal
}

type Outcome = 'taken' | CapiError

/** A request did not go out, so that it says nothing of how CAPI answers the machine. */
class NoTimeLeft extends Error {}

export class Delivery {
  readonly #options: DeliveryOptions
  readonly #suspects = new Suspects()
  readonly #search: FilterSearch
  /** Claimed, and neither sent nor in quarantine. */
  readonly #held = new Set<string>()
  /** Parts that passed a firewall, and that CAPI itself refused. */
  #again: Part[] = []
  /** Refused parts that are not split further while too many are suspected. */
  #setAside: Part[] = []
  /** Chunks since too many were suspected, of which CAPI took nothing. */
  #chunksInVain = 0
  /** Of `now`. */
  #leaseEnds = 0
  sent = 0
  quarantined = 0
  /** Why the last one is in quarantine. */
  refusal = ''

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#search = new FilterSearch(options.random)
  }

  /** Halves what is refused until the bad signals stand alone: about 2 log2(n) requests for each of them. */
  async deliver(chunk: Part, leaseEnds: number): Promise<void> {
    for (const { uuid } of chunk) this.#held.add(uuid)
    this.#leaseEnds = leaseEnds
    const wasFull = this.#suspects.isFull
    const parts = [chunk]
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const answer = await this.#post(part)
      if (answer === 'taken') parts.push(...this.#setAside.splice(0))
      else if (answer === 'searched') parts.push(...this.#again.splice(0))
      else if (part.length === 1) this.#suspects.add({ uuid: part[0].uuid, refusal: answer })
      else if (this.#suspects.isFull) {
        // Enough halving in vain: only a look for something that CAPI does take, which the last signal alone may be.
        this.#setAside.push(part.slice(0, -1))
        parts.push(part.slice(-1))
      } else {
        const half = part.length >> 1
        parts.push(part.slice(half), part.slice(0, half))
      }
    }
    if (wasFull && this.#suspects.isFull && ++this.#chunksInVain >= MOST_CHUNKS_IN_VAIN) throw this.#refusesAll()
  }

  /** The queue is empty. A few refused signals at its end are proven bad by what was taken before them. */
  async end(): Promise<void> {
    if (this.#suspects.refusal === null) return
    if (this.sent === 0 || this.#setAside.length > 0) throw this.#refusesAll()
    await this.#convict()
  }

  /** Forgets what it had begun. Returns the uuids that are still claimed. */
  giveUp(): readonly string[] {
    this.#suspects.clear()
    this.#search.clear()
    this.#setAside = []
    this.#again = []
    this.#chunksInVain = 0
    const held = [...this.#held]
    this.#held.clear()
    return held
  }

  /** Before anything is claimed: what could not be marked must not be sent again. */
  async markLeftover(): Promise<void> {
    const { storage, sent, unmarked } = this.#options
    if (unmarked.size === 0) return
    const uuids = [...unmarked]
    await storage.markSent(uuids, { keep: sent === 'keep' })
    for (const uuid of uuids) unmarked.delete(uuid) // another run may have added its own meanwhile
  }

  /** The refusal, where there was one that is about the signals. */
  async #post(signals: Part): Promise<'taken' | 'searched' | CapiError> {
    const { machines, machineId, signal } = this.#options
    signal.throwIfAborted()
    if (this.#search.isGivenUp) throw refusesTheRest(machineId, this.#search.refusal)
    let isSearching = false
    const answer = machines.withToken(machineId, signal, async (token) => {
      if (!isSearching) {
        const first = await this.#push(token, signals)
        if (!isForbidden(first)) return first
        if (!(await this.#mayBeFiltered())) throw first
        this.#forbidden(signals, first)
        isSearching = true
      }
      // All of it is one request of the machine's: it is as good as refused until something is taken.
      return this.#searchOn(token)
    })
    const outcome = await answer.catch(lateIfUnsent)
    if (outcome === 'late') {
      throw new BouncerError('ERR_CSB_TIMEOUT', 'There was no time left to send signals that were claimed')
    }
    if (outcome === 'taken') await this.#taken(signals)
    else if (outcome === 'searched' && this.#search.hasLeft) throw refusesTheRest(machineId, this.#search.refusal)
    return outcome
  }

  async #push(token: string, signals: Part): Promise<Outcome> {
    const { api, timeout, now, endsAt, signal } = this.#options
    // Who posts must be done before the lease is over: after that the signals are another sender's.
    const deadline = Math.min(timeout, endsAt - now())
    if (deadline <= 0 || now() + deadline > this.#leaseEnds) throw new NoTimeLeft()
    try {
      await api.pushSignals(token, signals, { deadline, signal })
      return 'taken'
    } catch (error) {
      // A refusal of the signals is no failure of the machine's.
      if (isAboutSignals(error) || isForbidden(error)) return error
      throw error
    }
  }

  /** A first 403 is rather about the address or the credentials. */
  async #mayBeFiltered(): Promise<boolean> {
    const { filter, machines, machineId } = this.#options
    if (filter.isKnown) return true
    const standing = await machines.standing(machineId).catch(() => null)
    return standing !== null && wasForbidden(standing)
  }

  /** Throws the 403 where CAPI has taken nothing in the whole run: then it is no matter of what is in the signals. */
  async #searchOn(token: string): Promise<'searched' | 'late'> {
    const search = this.#search
    for (let part = search.next(); part !== null; part = search.next()) {
      const outcome = await this.#push(token, part).catch(lateIfUnsent)
      if (outcome === 'late') {
        if (this.sent > 0) return 'late'
        break
      }
      if (isForbidden(outcome)) this.#forbidden(part, outcome)
      else if (outcome === 'taken') {
        this.#options.filter.isKnown = true
        await this.#taken(part)
      } else {
        search.passed()
        this.#again.push(part)
      }
    }
    if (this.sent === 0 && search.refusal !== null) throw search.refusal
    return 'searched'
  }

  #refusesAll(): CapiError {
    return refusesAll(this.#options.machineId, this.#suspects.refusal)
  }

  #forbidden(part: Part, refusal: CapiError): void {
    this.#search.refused(part, refusal)
    if (part.length === 1) this.#suspects.add({ uuid: part[0].uuid, refusal: refusedForItsContent(refusal) })
  }

  /** It proves those bad that were refused before. */
  async #taken(signals: Part): Promise<void> {
    const { unmarked, onProgress } = this.#options
    this.#search.passed()
    this.sent += signals.length
    for (const { uuid } of signals) {
      unmarked.add(uuid)
      this.#held.delete(uuid)
    }
    await this.markLeftover()
    onProgress()
    await this.#convict()
  }

  async #convict(): Promise<void> {
    const { storage, logger, machineId, onProgress } = this.#options
    this.#chunksInVain = 0
    for (const { uuid, refusal } of this.#suspects.convict()) {
      await storage.quarantine(uuid, refusal.message)
      this.#held.delete(uuid)
      this.quarantined++
      this.refusal = refusal.message
      logger.debug(`Signal ${uuid} of machine ${machineId} is in quarantine: ${refusal.message}`)
      onProgress()
    }
  }
}

function lateIfUnsent(error: unknown): 'late' {
  if (error instanceof NoTimeLeft) return 'late'
  throw error
}

function isForbidden(outcome: unknown): outcome is CapiError {
  return outcome instanceof CapiError && outcomeOf(outcome) === 'forbidden'
}
