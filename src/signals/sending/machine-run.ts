/**
 * One run of the sender for one machine: claims a chunk, has it delivered, and only then takes the next. Ends when the queue is
 * empty, when trying on is of no use, or when the signal is aborted; what it claimed and did not send is free again.
 */

import { BouncerError } from '../../errors.js'
import type { PauseFor } from '../../http/pause.js'
import { messageOf } from '../../thrown.js'
import type { SignalStorage } from '../storage/signal-storage.js'
import { Delivery, type DeliveryOptions } from './delivery.js'
import { setbackOf } from './setback.js'

/** No run waits longer for one try; whoever asks for more is asked again by the next run. */
const LONGEST_WAIT = 60_000

export interface MachineRunOptions extends DeliveryOptions {
  readonly storage: SignalStorage
  readonly chunkSize: number
  readonly maxRetries: number
  readonly retryDelay: number
  readonly lease: number
  readonly owner: string
  readonly pause: PauseFor
}

export class MachineRun {
  readonly #options: MachineRunOptions
  readonly #delivery: Delivery
  /** Tries and pauses since something was last sent or put in quarantine. */
  #failures = 0
  #pauses = 0

  constructor(options: MachineRunOptions) {
    this.#options = options
    this.#delivery = new Delivery(options)
  }

  get sent(): number {
    return this.#delivery.sent
  }

  get quarantined(): number {
    return this.#delivery.quarantined
  }

  /** Why the last one is in quarantine. */
  get refusal(): string {
    return this.#delivery.refusal
  }

  /** Why signals stay queued; null where none do, or the signal was aborted. */
  async run(): Promise<unknown> {
    const { pause, signal, logger, machineId } = this.#options
    for (;;) {
      const before = this.sent + this.quarantined
      try {
        await this.#delivery.markLeftover()
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
    const leaseEnds = now() + lease
    const chunk = await storage.claim({ machineId, limit: chunkSize, owner, lease })
    if (chunk.length === 0) await this.#delivery.end()
    else await this.#delivery.deliver(chunk, leaseEnds)
    return chunk.length > 0
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
    const held = this.#delivery.giveUp()
    if (held.length === 0) return
    try {
      await storage.release(held, owner)
    } catch (error) {
      logger.warn(`Signals of machine ${machineId} stay claimed until their lease is over: ${messageOf(error)}`)
    }
  }
}
