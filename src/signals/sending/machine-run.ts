/**
 * One run of the sender for one machine: claims a chunk, posts it, marks it, and only then takes the next. Ends when the queue is
 * empty, when trying on is of no use, or when the signal is aborted; what it claimed and did not send is free again.
 */

import type { CapiApi } from '../../capi/api/capi-api.js'
import { CapiError } from '../../capi/capi-error.js'
import type { TokenHolder } from '../../capi/machines/machines.js'
import type { Signal } from '../../capi/signals/signal.js'
import { BouncerError } from '../../errors.js'
import type { PauseFor } from '../../http/pause.js'
import type { Logger } from '../../logger.js'
import { messageOf } from '../../thrown.js'
import type { SignalStorage } from '../storage/signal-storage.js'
import { isAboutSignals, setbackOf } from './setback.js'
import { Suspects } from './suspects.js'

/** No run waits longer for one try; whoever asks for more is asked again by the next run. */
const LONGEST_WAIT = 60_000

/** After so many chunks of which CAPI takes nothing, it is at fault and not the signals. */
const MOST_CHUNKS_IN_VAIN = 4

export interface MachineRunOptions {
  readonly machineId: string
  readonly api: Pick<CapiApi, 'pushSignals'>
  readonly machines: TokenHolder
  readonly storage: SignalStorage
  readonly chunkSize: number
  readonly maxRetries: number
  readonly retryDelay: number
  readonly timeout: number
  readonly lease: number
  /** Of `now`. */
  readonly endsAt: number
  /** Sent signals: deleted, or kept as sent. */
  readonly sent: 'prune' | 'keep'
  readonly owner: string
  /** Uuids that CAPI has taken and that the storage could not mark. Outlives the run. */
  readonly unmarked: Set<string>
  readonly logger: Logger
  readonly now: () => number
  readonly pause: PauseFor
  readonly random: () => number
  readonly onProgress: () => void
  readonly signal: AbortSignal
}

export class MachineRun {
  readonly #options: MachineRunOptions
  readonly #suspects = new Suspects()
  /** Claimed, and neither sent nor in quarantine. */
  readonly #held = new Set<string>()
  /** Refused parts that are not split further while too many are suspected. */
  #setAside: (readonly Signal[])[] = []
  /** Chunks since too many were suspected, of which CAPI took nothing. */
  #chunksInVain = 0
  #leaseEnds = 0
  /** Tries and pauses since something was last sent or put in quarantine. */
  #failures = 0
  #pauses = 0
  sent = 0
  quarantined = 0
  /** Why the last one is in quarantine. */
  refusal = ''

  constructor(options: MachineRunOptions) {
    this.#options = options
  }

  /** Why signals stay queued; null where none do, or the signal was aborted. */
  async run(): Promise<unknown> {
    const { pause, signal, logger, machineId } = this.#options
    for (;;) {
      const before = this.sent + this.quarantined
      try {
        await this.#markLeftover()
        while (await this.#sendChunk());
        return null
      } catch (error) {
        await this.#release()
        if (signal.aborted) return null
        if (this.sent + this.quarantined > before) this.#startOver()
        const wait = this.#waitAfter(error)
        if (wait === null) return error
        logger.debug(`Signals of machine ${machineId}: ${messageOf(error)}; next try in ${Math.round(wait)} ms`)
        await pause(wait, signal)
      }
    }
  }

  /** False: nothing is left. */
  async #sendChunk(): Promise<boolean> {
    const { machineId, storage, chunkSize, owner, lease, now, signal } = this.#options
    signal.throwIfAborted()
    if (now() >= this.#options.endsAt) {
      throw new BouncerError('ERR_CSB_TIMEOUT', 'The run took as long as it may; the rest is for the next one')
    }
    this.#leaseEnds = now() + lease
    const chunk = await storage.claim({ machineId, limit: chunkSize, owner, lease })
    if (chunk.length === 0) {
      await this.#judgeAtTheEnd()
      return false
    }
    for (const { uuid } of chunk) this.#held.add(uuid)
    await this.#deliver(chunk)
    return true
  }

  /** Halves what is refused until the bad signals stand alone: about 2 log2(n) requests for each of them. */
  async #deliver(chunk: readonly Signal[]): Promise<void> {
    const wasFull = this.#suspects.isFull
    const parts = [chunk]
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const refusal = await this.#post(part)
      if (refusal === null) {
        await this.#convict()
        parts.push(...this.#setAside.splice(0))
      } else if (part.length === 1) this.#suspects.add({ uuid: part[0].uuid, refusal })
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

  /** Null where CAPI took them. */
  async #post(signals: readonly Signal[]): Promise<CapiError | null> {
    const { api, machines, machineId, timeout, now, signal } = this.#options
    signal.throwIfAborted()
    const push = (token: string): Promise<CapiError | 'taken' | 'late'> => {
      // Who posts must be done before the lease is over: after that the signals are another sender's.
      const deadline = Math.min(timeout, this.#options.endsAt - now())
      if (deadline <= 0 || now() + deadline > this.#leaseEnds) return Promise.resolve('late')
      // A refusal of the signals is no failure of the machine's.
      return api.pushSignals(token, signals, { deadline, signal }).then(
        () => 'taken',
        (error: unknown) => {
          if (isAboutSignals(error)) return error
          throw error
        },
      )
    }
    const outcome = await machines.withToken(machineId, signal, push)
    if (outcome === 'late') {
      throw new BouncerError('ERR_CSB_TIMEOUT', 'There was no time left to send signals that were claimed')
    }
    if (outcome !== 'taken') return outcome
    await this.#mark(signals.map(({ uuid }) => uuid))
    return null
  }

  async #mark(uuids: readonly string[]): Promise<void> {
    const { unmarked, onProgress } = this.#options
    this.sent += uuids.length
    for (const uuid of uuids) {
      unmarked.add(uuid)
      this.#held.delete(uuid)
    }
    await this.#markLeftover()
    onProgress()
  }

  /** Before anything is claimed: what could not be marked must not be sent again. */
  async #markLeftover(): Promise<void> {
    const { storage, sent, unmarked } = this.#options
    if (unmarked.size === 0) return
    await storage.markSent([...unmarked], { keep: sent === 'keep' })
    unmarked.clear()
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

  /** The queue is empty. A few refused signals at its end are proven bad by what was taken before them. */
  async #judgeAtTheEnd(): Promise<void> {
    if (this.#suspects.refusal === null) return
    if (this.sent === 0 || this.#setAside.length > 0) throw this.#refusesAll()
    await this.#convict()
  }

  #refusesAll(): CapiError {
    const { machineId } = this.#options
    const cause = this.#suspects.refusal
    const message =
      `CAPI refuses every signal of machine ${machineId} that was tried, which does not tell a bad signal from a fault of its` +
      ` own; they stay queued (${cause?.message})`
    return new CapiError('ERR_CSB_CAPI_STATUS', message, { status: cause?.status ?? undefined, cause })
  }

  /** Milliseconds; null where the run ends. */
  #waitAfter(error: unknown): number | null {
    const { maxRetries, retryDelay, random, now, endsAt } = this.#options
    const setback = setbackOf(error)
    if (setback.kind === 'lasting' || setback.retryAfter > LONGEST_WAIT) return null
    let wait = setback.retryAfter
    if (setback.kind === 'passing') {
      if (this.#failures >= maxRetries) return null
      // Full jitter: many clients that failed at the same moment do not come back at the same moment.
      wait = Math.max(wait, random() * Math.min(LONGEST_WAIT, retryDelay * 2 ** this.#failures))
      this.#failures++
    } else {
      // A machine that failed pauses by itself: each try may cost one such pause, which is no try.
      if (this.#pauses > maxRetries) return null
      this.#pauses++
    }
    return now() + wait < endsAt ? wait : null
  }

  #startOver(): void {
    this.#failures = 0
    this.#pauses = 0
  }

  async #release(): Promise<void> {
    const { storage, owner, logger, machineId } = this.#options
    this.#suspects.clear()
    this.#setAside = []
    this.#chunksInVain = 0
    if (this.#held.size === 0) return
    const held = [...this.#held]
    this.#held.clear()
    try {
      await storage.release(held, owner)
    } catch (error) {
      logger.warn(`Signals of machine ${machineId} stay claimed until their lease is over: ${messageOf(error)}`)
    }
  }
}
