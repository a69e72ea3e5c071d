/** Puts the rooms together: sources fill stores, `check` asks the stores, listeners and metrics hear of it. */

import type { Registry } from 'prom-client'
import type { BouncerEvents, BouncerStats } from './bouncer-face.js'
import { createSources } from './config/create-sources.js'
import type { BouncerOptions } from './config/options.js'
import { parseOptions, type ResolvedOptions } from './config/parse-options.js'
import { ALLOWED, type Decision, type Verdict } from './decisions/decision.js'
import { Judge, type Subjects } from './decisions/judge.js'
import { RowVerdict } from './decisions/row-verdict.js'
import { Severity } from './decisions/severity.js'
import { Sweeper } from './decisions/sweeper.js'
import { BouncerError } from './errors.js'
import { Events } from './events.js'
import { silentLogger } from './logger.js'
import { BouncerMetrics } from './metrics/bouncer-metrics.js'
import { originLabel, RequestCounts } from './metrics/request-counts.js'
import type { RemediationFallback } from './remediation/answer.js'
import { ConnectedSource, type SourceListener } from './sources/connected-source.js'

/** One of so many checks is timed: often enough to see, too rare to cost. */
const TIMED_CHECKS_MASK = 4095

export class Bouncer {
  readonly #options: ResolvedOptions
  readonly #sources: readonly ConnectedSource[]
  readonly #events: Events<BouncerEvents>
  readonly #requests = new RequestCounts()
  readonly #metrics: BouncerMetrics
  readonly #sweeper: Sweeper
  readonly #judge: Judge
  readonly #invalid: Verdict
  readonly #warned = new Set<string>()
  #checks = 0
  #started: Promise<void> | null = null
  #stopped: Promise<void> | null = null
  #endStart: () => void = () => {}

  /** Use `createBouncer`. */
  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#events = new Events(options.logger)
    const severity = new Severity(options.severityOrder)
    const listener = this.#sourceListener()
    const sources = createSources(options)
    this.#sources = sources.map((source) => {
      const snapshot = snapshotOf(options, source.name, sources.length)
      return new ConnectedSource(source, { severity, logger: options.logger, listener, snapshot })
    })
    this.#metrics = new BouncerMetrics(this.#requests, this.#sources)
    this.#judge = new Judge(this.#sources)
    this.#sweeper = new Sweeper(() => this.#sources.map(({ store }) => store))
    this.#invalid = Object.freeze({ action: options.invalidAddressAction, decision: null })
  }

  /** What answers decisions that cannot be carried out here. */
  get remediationFallback(): RemediationFallback {
    return this.#options.remediationFallback
  }

  /** The prom-client registry with this bouncer's metrics. */
  get registry(): Registry {
    return this.#metrics.registry
  }

  /**
   * Starts the sources. Resolves after the first full sync of all of them, or after `startTimeout`; they go on trying then.
   * Rejects with `ERR_CSB_STATE` after `stop()`.
   */
  start(): Promise<void> {
    if (this.#stopped !== null)
      return Promise.reject(new BouncerError('ERR_CSB_STATE', 'start() was called after stop()'))
    this.#started ??= this.#start()
    return this.#started
  }

  /** Stops everything; afterwards nothing of the bouncer keeps the process alive. `check` goes on answering. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /**
   * The verdict on an address, at once and without allocating where nothing matches. Never throws: what is not an address
   * gets `invalidAddressAction`. `subjects` are judged too; the most severe decision over all wins.
   */
  check(address: string, subjects?: Subjects): Verdict {
    this.#checks = (this.#checks + 1) & TIMED_CHECKS_MASK
    if (this.#checks !== 0) return this.#checkNow(address, subjects)
    const began = performance.now()
    const verdict = this.#checkNow(address, subjects)
    this.#metrics.observeCheck((performance.now() - began) / 1000)
    return verdict
  }

  /** Every decision in force that matches, the one that wins first. */
  explain(address: string, subjects?: Subjects): Decision[] {
    return this.#judge.explain(address, subjects)
  }

  /** Whether every source has had its first full sync. */
  isReady(): boolean {
    return this.#sources.every(({ account }) => account.isReady)
  }

  stats(): BouncerStats {
    let remediated = 0
    for (const { count } of this.#requests.remediated()) remediated += count
    const { allowed, invalid } = this.#requests
    const sources = this.#sources.map((source) => source.stats())
    return {
      decisions: sources.reduce((sum, source) => sum + source.decisions, 0),
      bytes: sources.reduce((sum, source) => sum + source.bytes, 0),
      requests: { allowed, remediated, invalid },
      sources,
    }
  }

  on<Name extends keyof BouncerEvents>(name: Name, listener: (...event: BouncerEvents[Name]) => void): this {
    this.#events.add(name, listener)
    return this
  }

  off<Name extends keyof BouncerEvents>(name: Name, listener: (...event: BouncerEvents[Name]) => void): this {
    this.#events.remove(name, listener)
    return this
  }

  /** Tells a misconfiguration once: to the logger, or as a process warning where there is none. */
  warnOnce(code: string, message: string): void {
    if (this.#warned.has(code)) return
    this.#warned.add(code)
    if (this.#options.logger !== silentLogger) this.#options.logger.warn(`${code}: ${message}`)
    else process.emitWarning(message, { type: 'CrowdSecWarning', code })
  }

  async #start(): Promise<void> {
    for (const notice of this.#options.notices) this.#options.logger.warn(notice)
    this.#sweeper.start()
    for (const source of this.#sources) void source.start()
    const ready = Promise.all(this.#sources.map(({ firstSync }) => firstSync))
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.startTimeout)
      this.#endStart = resolve
    })
    await Promise.race([ready, timeout])
    clearTimeout(timer)
  }

  async #stop(): Promise<void> {
    this.#endStart()
    this.#sweeper.stop()
    await Promise.all(this.#sources.map((source) => source.stop()))
  }

  #sourceListener(): SourceListener {
    return {
      synced: (source, report) => {
        this.#metrics.observeSync(source, report.kind, report.milliseconds / 1000)
        this.#events.tell('synced', { source, ...report })
      },
      failed: (source, error, isStale) => {
        if (isStale) this.#events.tell('stale', { source, error })
        this.#events.tell('error', error)
      },
    }
  }

  #checkNow(address: string, subjects: Subjects | undefined): Verdict {
    const judge = this.#judge
    const verdict = judge.judge(address, subjects)
    if (verdict === ALLOWED) {
      if (judge.family !== 0) {
        this.#requests.countAllowed(judge.family)
        return verdict
      }
      this.#requests.invalid++
      if (this.#invalid.action === 'allow') return this.#invalid
      this.#requests.countRemediated(this.#invalid.action, '')
      this.#tellBlocked(address, this.#invalid)
      return this.#invalid
    }
    if (verdict instanceof RowVerdict) {
      this.#requests.countRemediated(verdict.action, originLabel(verdict.origin, verdict.scenario))
    }
    this.#tellBlocked(address, verdict)
    return verdict
  }

  #tellBlocked(address: string, verdict: Verdict): void {
    if (this.#events.has('blocked')) this.#events.tell('blocked', { address, verdict })
  }
}

/** Each source has a file of its own; where there are several, its name is added to `snapshotFile`. */
function snapshotOf({ snapshotFile, snapshotInterval }: ResolvedOptions, source: string, sourceCount: number) {
  if (snapshotFile === undefined) return null
  const path = sourceCount === 1 ? snapshotFile : `${snapshotFile}.${encodeURIComponent(source)}`
  return { path, interval: snapshotInterval }
}

/** Makes a bouncer. Options are validated at once: throws `ERR_CSB_CONFIG`. */
export function createBouncer(options: BouncerOptions): Bouncer {
  return new Bouncer(parseOptions(options))
}
