/** From blocked requests to CAPI: the reporter fills the outbox, a schedule empties it, and the end of it takes two seconds at most. */

import { BouncerError } from '../errors.js'
import { FailureLog } from '../failure-log.js'
import { pauseFor } from '../http/pause.js'
import type { Logger } from '../logger.js'
import { errorOf, messageOf } from '../thrown.js'
import type { DropReason, HitReporter } from './hits/hit-reporter.js'
import { SendSchedule } from './sending/send-schedule.js'
import type { SendReport, SendRequest } from './sending/signal-sender.js'

export interface ReportingOptions {
  readonly reporter: HitReporter
  /** Sends what is in the outbox. */
  readonly send: (request: SendRequest) => Promise<SendReport>
  /** Milliseconds between two sends, whole minutes. */
  readonly interval: number
  readonly logger: Logger
  /** Hears of each send that failed, in whole or for a machine. */
  readonly onError: (error: Error) => void
  readonly warnOnce: (code: string, message: string) => void
}

/** Since the start. */
export interface SignalStats {
  /** Pairs of address and scenario that are not in the outbox yet. */
  readonly pending: number
  /** Signals put into the outbox. */
  readonly stored: number
  /** Signals that CAPI took. */
  readonly sent: number
  /** Signals that CAPI refused, now in quarantine. */
  readonly rejected: number
  /** Hits that are not told, by reason; for `storage` and `outbox` signals. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
}

/** Milliseconds for the last send, and then for it to give back what it held. */
const LONGEST_LAST_SEND = 1500
const LONGEST_RELEASE = 250

export class Reporting {
  readonly reporter: HitReporter
  readonly #options: ReportingOptions
  readonly #schedule: SendSchedule
  readonly #abort = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  #sent = 0
  #rejected = 0
  /** Signals in the outbox after the last send. */
  #remaining = 0
  #state: 'new' | 'started' | 'over' = 'new'
  readonly #failures: FailureLog

  constructor(options: ReportingOptions) {
    this.#options = options
    this.#failures = new FailureLog(options.logger, 'warn')
    this.reporter = options.reporter
    this.#schedule = new SendSchedule({ interval: options.interval / 60_000, send: () => this.#sendUnasked() })
  }

  stats(): SignalStats {
    const { pending, stored } = this.reporter
    const dropped = Object.fromEntries(this.reporter.dropped())
    return { pending, stored, sent: this.#sent, rejected: this.#rejected, dropped }
  }

  start(): void {
    this.#state = 'started'
    this.reporter.start()
    this.#schedule.start().catch((thrown) => {
      const error = errorOf(thrown, 'ERR_CSB_INTERNAL')
      // Such as in a bundle that node-cron does not stand.
      this.#options.warnOnce(
        'CSB_SEND_SCHEDULE',
        `Signals are sent only when sendSignals() is called: ${error.message}`,
      )
      this.#options.onError(error)
    })
  }

  /** Ends the window and sends all that there is. Throws `ERR_CSB_STORAGE`. */
  send(): Promise<SendReport> {
    return this.#oneAtATime(async () => {
      await this.reporter.flush()
      return this.#send()
    })
  }

  /** Takes no more hits, stores those that came, and sends what there is. Never rejects, and ends within 1.75 s. */
  async stop(): Promise<void> {
    this.#schedule.stop()
    const { reporter } = this
    const end = new AbortController()
    const ended = this.#end().finally(() => end.abort())
    await pauseFor(LONGEST_LAST_SEND, end.signal)
    this.#abort.abort(new BouncerError('ERR_CSB_TIMEOUT', 'the bouncer stops and does not wait any longer'))
    await pauseFor(LONGEST_RELEASE, end.signal)
    this.#state = 'over'
    const { logger } = this.#options
    if (reporter.pending > 0) {
      const why = end.signal.aborted
        ? `: ${await ended}`
        : ' or not known to be stored: the storage did not answer in time'
      logger.error(`${reporter.pending} signals are lost${why}`)
    }
    if (this.#remaining > 0) logger.info(`${this.#remaining} signals are left in the outbox`)
  }

  /** Returns what went wrong; empty where nothing did. */
  async #end(): Promise<string> {
    this.#remaining = 0
    try {
      await this.reporter.stop()
    } catch (error) {
      return messageOf(error)
    }
    if (this.#state === 'started') await this.#sendUnasked()
    return ''
  }

  #oneAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#running.then(work)
    this.#running = result.catch(() => {})
    return result
  }

  async #send(): Promise<SendReport> {
    const report = await this.#options.send({ signal: this.#abort.signal })
    this.#sent += report.sent
    this.#rejected += report.quarantined
    this.#remaining = report.remaining
    for (const { error } of report.failures) this.#options.onError(error)
    return report
  }

  async #sendUnasked(): Promise<void> {
    try {
      await this.#oneAtATime(() => this.#send())
      this.#failures.recovered()
    } catch (thrown) {
      if (this.#state === 'over') return
      const error = errorOf(thrown, 'ERR_CSB_INTERNAL')
      this.#failures.failed(error, `Signals could not be sent and stay in the outbox: ${error.message}`)
      this.#options.onError(error)
    }
  }
}
