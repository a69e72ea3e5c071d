/**
 * Reports usage metrics to one LAPI, now and then and once more in the end. What a report held counts as told only when the LAPI
 * has accepted it; otherwise it is in the next one. Nothing here ever throws or rejects.
 */

import { BouncerError } from '../errors.js'
import { FailureLog } from '../failure-log.js'
import { type LapiClient, LapiError } from '../lapi/lapi-client.js'
import type { RemediationComponent, UsageItem } from '../lapi/usage-metrics.js'
import type { Logger } from '../logger.js'
import { errorOf } from '../thrown.js'
import { operatingSystem } from './operating-system.js'
import type { UsageCounts } from './usage-counts.js'
import { type ActiveCount, activeItems, countedItems, markOf, NOTHING, type UsageMark } from './usage-report.js'

export interface UsageReporterOptions {
  readonly client: Pick<LapiClient, 'target' | 'pushUsageMetrics' | 'close'>
  readonly counts: UsageCounts
  /** Decisions in force, at the moment of a report. */
  readonly activeDecisions: () => Promise<Iterable<ActiveCount>>
  /** The one that the LAPI sees, `name/version`. */
  readonly userAgent: string
  /** Milliseconds between two reports. */
  readonly interval: number
  readonly logger: Logger
  /** Hears of each report that failed. */
  readonly onError: (error: Error) => void
}

/** Milliseconds. */
const LONGEST_PUSH = 10_000
const LONGEST_LAST_PUSH = 2_000

export class UsageReporter {
  readonly #options: UsageReporterOptions
  readonly #abort = new AbortController()
  readonly #system = operatingSystem()
  readonly #startedAt = unixSeconds()
  #told: UsageMark = NOTHING
  /** Milliseconds of the monotonic clock. */
  #toldAt = performance.now()
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> = Promise.resolve()
  readonly #failures: FailureLog
  #isSupported = true

  constructor(options: UsageReporterOptions) {
    this.#options = options
    this.#failures = new FailureLog(options.logger, 'warn')
  }

  start(): void {
    this.#timer = setInterval(() => void this.push(), this.#options.interval)
    this.#timer.unref()
  }

  /** Reports once more if there is anything to tell, and ends within two seconds. */
  async stop(): Promise<void> {
    if (this.#timer !== null) await this.#pushLast(this.#timer)
    await this.#options.client.close()
  }

  /** Reports what was counted since the last report that was accepted. One report at a time. */
  push(): Promise<void> {
    this.#running = this.#running.then(() => this.#push())
    return this.#running
  }

  async #pushLast(timer: NodeJS.Timeout): Promise<void> {
    clearInterval(timer)
    const limit = setTimeout(() => this.#abort.abort(stopped()), LONGEST_LAST_PUSH)
    await this.#running
    if (countedItems(this.#told, markOf(this.#options.counts)).length > 0) await this.push()
    clearTimeout(limit)
  }

  async #push(): Promise<void> {
    const { signal } = this.#abort
    if (!this.#isSupported || signal.aborted) return
    try {
      const { client, counts, activeDecisions } = this.#options
      const mark = markOf(counts)
      const at = performance.now()
      const items = [...countedItems(this.#told, mark), ...activeItems(await activeDecisions())]
      if (items.length === 0) return
      const metrics = { remediation_components: [this.#component(items, at)] } as const
      await client.pushUsageMetrics({ metrics, deadline: LONGEST_PUSH, signal })
      this.#told = mark
      this.#toldAt = at
      this.#failures.recovered()
    } catch (error) {
      this.#failed(error)
    }
  }

  #component(items: readonly UsageItem[], at: number): RemediationComponent {
    const [type = '', version = ''] = this.#options.userAgent.split('/')
    const seconds = Math.max(1, Math.round((at - this.#toldAt) / 1000))
    return {
      name: type,
      type,
      version,
      os: this.#system,
      feature_flags: [],
      utc_startup_timestamp: this.#startedAt,
      metrics: [{ meta: { window_size_seconds: seconds, utc_now_timestamp: unixSeconds() }, items }],
    }
  }

  #failed(thrown: unknown): void {
    const { client, logger, onError } = this.#options
    if (thrown instanceof LapiError && thrown.status === 404) {
      this.#isSupported = false
      logger.info(`The LAPI at ${client.target} takes no usage metrics (it is older than 1.6.3), so none are sent`)
      return
    }
    const error = errorOf(thrown, 'ERR_CSB_INTERNAL')
    this.#failures.failed(error, `Usage metrics could not be sent and are kept for the next time: ${error.message}`)
    onError(error)
  }
}

function stopped(): Error {
  return new BouncerError('ERR_CSB_TIMEOUT', `the bouncer stops and does not wait longer than ${LONGEST_LAST_PUSH} ms`)
}

function unixSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
