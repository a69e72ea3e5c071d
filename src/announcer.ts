/** Tells what happened to whoever listens: events, tracing channels, metrics and the log. Telling never fails. */

import type { BouncerEvents } from './bouncer-face.js'
import { ALLOWED, sourceOf, type Verdict } from './decisions/decision.js'
import { errorChannel, syncChannel, verdictChannel } from './diagnostics.js'
import type { Events } from './events.js'
import { LineLimit } from './line-limit.js'
import { type Logger, oneLine } from './logger.js'
import type { BouncerMetrics } from './metrics/bouncer-metrics.js'
import { originLabel } from './metrics/request-counts.js'
import type { UsageCounts } from './metrics/usage-counts.js'
import { type Family, familyOf } from './net/address.js'
import { type Remediation, RemediationLog } from './remediation/remediation-log.js'
import type { HitReporter } from './signals/hits/hit-reporter.js'
import type { BlockedRequest } from './signals/hits/request-context.js'
import type { SourceListener } from './sources/connected-source.js'
import type { SyncReport } from './sources/store-sink.js'
import { codeOf, messageOf } from './thrown.js'

export interface AnnouncerOptions {
  readonly events: Events<BouncerEvents>
  readonly metrics: BouncerMetrics
  readonly usage: UsageCounts
  readonly logger: Logger
  readonly hasLogger: boolean
  /** Null where hits are not told to CAPI. */
  readonly reporter: HitReporter | null
  /** Whoever tries out what would be blocked has nothing to tell the community. */
  readonly dryRun: boolean
}

export class Announcer implements SourceListener {
  readonly #options: AnnouncerOptions
  readonly #remediations: RemediationLog
  readonly #gateErrors: LineLimit
  readonly #warned = new Set<string>()
  readonly #delivering = new Set<string>()

  constructor(options: AnnouncerOptions) {
    this.#options = options
    this.#remediations = new RemediationLog(options.logger)
    this.#gateErrors = new LineLimit((count) =>
      options.logger.error(`${count} more failures to judge a request within a second are left out of the log`),
    )
  }

  /** An address was judged. Returns the verdict. Allocates nothing where nobody traces and the address is allowed. */
  judged(address: string, verdict: Verdict): Verdict {
    if (verdictChannel.hasSubscribers) verdictChannel.publish({ address, verdict })
    const { events } = this.#options
    if (verdict !== ALLOWED && events.has('blocked')) events.tell('blocked', { address, verdict })
    return verdict
  }

  /** A visitor was answered, or would have been in a dry run, which counts for nothing. */
  remediated(remediation: Remediation, request: BlockedRequest | null): void {
    const { address, verdict, action, isDryRun } = remediation
    if (!isDryRun) {
      this.#countDropped(familyOf(address), verdict, action)
      this.#options.reporter?.blocked({ address, verdict, action, request })
    }
    if (this.#options.hasLogger) this.#remediations.note(remediation)
  }

  /** Whoever asked was told the verdict, and is taken to do as it says. */
  done(address: string, family: Family, verdict: Verdict): void {
    const { action } = verdict
    this.#countDropped(family, verdict, action)
    if (!this.#options.dryRun) this.#options.reporter?.blocked({ address, verdict, action, request: null })
    if (!this.#options.hasLogger) return
    this.#remediations.note({ address, verdict, action, isDryRun: false })
  }

  #countDropped(family: Family, verdict: Verdict, action: string): void {
    const source = sourceOf(verdict)
    this.#options.usage.countDropped(family, source === null ? '' : originLabel(source.origin, source.scenario), action)
  }

  synced(source: string, report: SyncReport): void {
    const { metrics, events } = this.#options
    this.#delivering.add(source)
    metrics.observeSync(source, report.kind, report.milliseconds / 1000)
    if (syncChannel.hasSubscribers) syncChannel.publish({ source, ...report })
    events.tell('synced', { source, ...report })
  }

  /** `isStale`: the source had delivered before, and this is the first failure since. */
  failed(source: string, error: Error, isStale: boolean): void {
    const { events } = this.#options
    if (isStale) events.tell('stale', { source, error })
    if (errorChannel.hasSubscribers) errorChannel.publish({ error, source })
    events.tell('error', error)
    // That of a storage is told for all who need it.
    if (this.#delivering.has(source) || codeOf(error) === 'ERR_CSB_STORAGE') return
    this.#warnUnlogged('CSB_SOURCE', `Source ${source} failed and is tried again: ${error.message}`, source)
  }

  /** What the machine and the signals are kept in cannot be used. */
  storageFailed(error: Error): void {
    this.reportFailed(error)
    this.#warnUnlogged('CSB_STORAGE', `CAPI cannot be used, because of its storage: ${error.message}`)
  }

  /** Nobody waited for the start. Of a storage it has been told already. */
  startFailed(error: unknown): void {
    if (codeOf(error) !== 'ERR_CSB_STORAGE') this.warnOnce(codeOf(error), messageOf(error))
  }

  /** A report to the LAPI or to CAPI did not arrive. It is no failure of a source, so `error` listeners do not hear of it. */
  reportFailed(error: Error): void {
    if (errorChannel.hasSubscribers) errorChannel.publish({ error, source: null })
  }

  /** Something of ours, or a function that the user gave, threw while a request was judged. The application never sees it. */
  gateFailed(error: unknown): void {
    if (errorChannel.hasSubscribers) errorChannel.publish({ error, source: null })
    if (this.#gateErrors.admits()) this.#options.logger.error(`Judging a request failed: ${messageOf(error)}`)
  }

  /** Tells a misconfiguration once: to the logger, or as a process warning where there is none. */
  warnOnce(code: string, message: string): void {
    this.#warnUnlogged(code, message)
    if (!this.#options.hasLogger || this.#warned.has(code)) return
    this.#warned.add(code)
    this.#options.logger.warn(`${code}: ${message}`)
  }

  /** Once, or once for each subject. A logger has been told by whoever failed. */
  #warnUnlogged(code: string, message: string, subject = ''): void {
    const told = `${code} ${subject}`
    if (this.#options.hasLogger || this.#warned.has(told)) return
    this.#warned.add(told)
    process.emitWarning(oneLine(message), { type: 'CrowdSecWarning', code })
  }

  /** Writes what is still to be written. */
  end(): void {
    this.#remediations.end()
    this.#gateErrors.endWindow()
  }
}
