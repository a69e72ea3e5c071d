/**
 * Makes signals of blocked requests: decides which hits are told, adds them up for a while, and hands what came together to the
 * outbox in the background. No failure in here reaches a request.
 */

import type { MonotonicClock } from '../../decisions/clock.js'
import { FailureLog } from '../../failure-log.js'
import type { Logger } from '../../logger.js'
import { isSpecialPurpose } from '../../net/special-purpose.js'
import { errorOf, messageOf } from '../../thrown.js'
import { type Blocking, type FilterReason, HitFilter, type HitFilterOptions } from './hit-filter.js'
import { HitWindow } from './hit-window.js'
import { type OwnSignal, readOwnSignal } from './own-signal.js'
import { WaitingHits, type WaitingHitsOptions } from './waiting-hits.js'

/**
 * Why a hit, or a signal made of hits, is not told. `special_address`: a private one and the like. `no_room`: too many addresses
 * within one window. `storage`: the outbox could not be written for too long. `outbox`: it is full. `failed`: an error of ours.
 * `stopped`: after the end.
 */
export type DropReason =
  | FilterReason
  | 'special_address'
  | 'allowlist'
  | 'no_room'
  | 'storage'
  | 'outbox'
  | 'failed'
  | 'stopped'

export interface HitReporterOptions extends HitFilterOptions {
  readonly isAllowlisted: (address: string) => boolean
  /** Milliseconds, whole seconds. */
  readonly window: number
  /** Puts signals into the outbox, all or none. Throws while it cannot. */
  readonly add: WaitingHitsOptions['add']
  readonly logger: Logger
  /** Hears of each failure of the outbox. */
  readonly onError: (error: Error) => void
  /** Pairs of address and scenario in one window, and as many that wait for the outbox. Default 10,000. */
  readonly maxEntries?: number
  /** Unix milliseconds. */
  readonly now?: () => number
  readonly clock?: MonotonicClock
}

/** Milliseconds. Times of hits are no finer than that, since reading a clock would cost as much as the rest. */
const TICK = 1000

export class HitReporter {
  readonly #options: HitReporterOptions
  readonly #now: () => number
  readonly #scenarios: ReadonlySet<string>
  readonly #filter: HitFilter
  readonly #window: HitWindow
  readonly #waiting: WaitingHits
  readonly #dropped = new Map<DropReason, number>()
  #isStopped = false
  #timer: NodeJS.Timeout | null = null
  #ticks = 0
  #stored = 0
  readonly #failures: FailureLog

  constructor(options: HitReporterOptions) {
    const { maxEntries = 10_000, add, now = Date.now, clock } = options
    this.#options = options
    this.#failures = new FailureLog(options.logger, 'warn')
    this.#now = now
    this.#scenarios = new Set(options.scenarios)
    this.#filter = new HitFilter(options)
    this.#window = new HitWindow({ maxEntries, admits: (address) => this.#admits(address) })
    this.#window.tick(now())
    this.#waiting = new WaitingHits({
      add,
      maxWaiting: maxEntries,
      onDropped: (reason, count) => this.#lost(reason, count),
      onStored: (count) => {
        this.#stored += count
      },
      now,
      clock,
    })
  }

  /** Signals that were put into the outbox. */
  get stored(): number {
    return this.#stored
  }

  /** Pairs of address and scenario that are not in the outbox yet. */
  get pending(): number {
    return this.#window.size + this.#waiting.size
  }

  /** Hits, and for `storage` and `outbox` signals. */
  dropped(): Iterable<readonly [DropReason, number]> {
    return this.#dropped
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK)
    this.#timer.unref()
  }

  /** Takes no more hits. What came together goes into the outbox; throws what that throws. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#isStopped = true
    await this.flush()
  }

  /** Ends the window early and puts all that came together into the outbox. Throws what that throws; then it waits on. */
  async flush(): Promise<void> {
    this.#endWindow()
    await this.#waiting.store() // one that was under way may have begun before the window ended
    await this.#waiting.store()
  }

  /** To be called every second. */
  tick(): void {
    this.#window.tick(this.#now())
    this.#ticks++
    if (this.#ticks * TICK >= this.#options.window) this.#endWindow()
    if (this.#waiting.isDue())
      this.#waiting.store().then(
        () => this.#failures.recovered('Signals can be stored again'),
        (error) => this.#storingFailed(error),
      )
  }

  /** Never throws. */
  blocked(blocking: Blocking): void {
    try {
      const hit = this.#isStopped ? 'stopped' : this.#filter.hitOf(blocking)
      if (typeof hit === 'string') this.#drop(hit)
      else this.#window.note(hit)
    } catch (error) {
      this.#drop('failed')
      this.#options.warnOnce('CSB_REPORT', `A blocked request could not be noted for a signal: ${messageOf(error)}`)
    }
  }

  /** What the user saw himself. Throws `ERR_CSB_BAD_ADDRESS` and `ERR_CSB_SIGNAL`. */
  report(signal: OwnSignal): void {
    const hit = readOwnSignal(signal, this.#scenarios, this.#now())
    if (this.#isStopped) this.#drop('stopped')
    else this.#window.note(hit)
  }

  #admits(address: string): boolean {
    if (isSpecialPurpose(address)) this.#drop('special_address')
    else if (this.#options.isAllowlisted(address)) this.#drop('allowlist')
    else return true
    return false
  }

  #endWindow(): void {
    this.#ticks = 0
    const { entries, leftOut } = this.#window.take()
    if (leftOut > 0) this.#lost('no_room', leftOut)
    if (entries.length > 0) this.#waiting.push(entries)
  }

  #drop(reason: DropReason, count = 1): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count)
  }

  #lost(reason: 'no_room' | 'storage' | 'outbox', count: number): void {
    this.#drop(reason, count)
    this.#options.logger.warn(LOSSES[reason](count))
  }

  #storingFailed(thrown: unknown): void {
    if (this.#isStopped) return // nothing waits any more, and whoever stops tells what is lost
    const error = errorOf(thrown, 'ERR_CSB_STORAGE')
    const waiting = `${this.#waiting.size} signals wait in memory`
    this.#failures.failed(error, `${waiting}, since they could not be stored: ${error.message}`)
    this.#options.onError(error)
  }
}

const LOSSES = {
  no_room: (count: number) =>
    `${count} hits of one window are not told: they came from more addresses than there is room for`,
  storage: (count: number) =>
    `${count} signals are lost: too many waited for a storage that does not take them, or not fast enough`,
  outbox: (count: number) =>
    `${count === 1 ? '1 signal was' : `${count} signals were`} dropped to keep the outbox within its limits`,
}
