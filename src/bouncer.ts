/** Puts the rooms together: sources fill stores, `check` asks the stores, listeners and metrics hear of it. */

import type { Registry } from 'prom-client'
import { Announcer, messageOf } from './announcer.js'
import { Asking } from './asking.js'
import { type BouncerEvents, type BouncerStats, statsOf } from './bouncer-face.js'
import { type CapiParts, createCapi, measured, scenarioWarnings, sourceOfCapi } from './config/create-capi.js'
import { createLinkedAllowlists } from './config/create-capi-source.js'
import { createGeoResolver } from './config/create-geo-resolver.js'
import { createLiveQuery, createSources, createUsageReporter, snapshotPlace } from './config/create-sources.js'
import { connectionWarnings } from './config/lapi-peers.js'
import type { BouncerOptions } from './config/options.js'
import { parseOptions, type ResolvedOptions } from './config/parse-options.js'
import { type RouteOverrides, withOverrides } from './config/route-options.js'
import { ALLOWED, type Decision, type Verdict } from './decisions/decision.js'
import { Judge, type Subjects } from './decisions/judge.js'
import { Severity } from './decisions/severity.js'
import { Sweeper } from './decisions/sweeper.js'
import { BouncerError } from './errors.js'
import { Events } from './events.js'
import { Gate, type Gatekeeper, type RequestReader } from './gate.js'
import type { GeoResolver } from './geo/geo-resolver.js'
import { MmdbResolver } from './geo/mmdb-resolver.js'
import { HealthWatch } from './health-watch.js'
import { BouncerMetrics } from './metrics/bouncer-metrics.js'
import { addCapiMetrics } from './metrics/capi-metrics.js'
import { RequestCounts } from './metrics/request-counts.js'
import { UsageCounts } from './metrics/usage-counts.js'
import type { UsageReporter } from './metrics/usage-reporter.js'
import { createAddressWords, familyOf, parseAddress } from './net/address.js'
import { PrefixSet, prefixesIn } from './net/prefix-set.js'
import { Policy } from './policy.js'
import { GuardRails } from './remediation/guard-rails.js'
import { Responder } from './remediation/responder.js'
import type { OwnSignal } from './signals/own-signal.js'
import type { Reporting } from './signals/reporting.js'
import type { SendReport } from './signals/signal-sender.js'
import { ConnectedSource, type SourceListener } from './sources/connected-source.js'
import type { LinkedAllowlists } from './sources/linked-allowlists.js'
import type { LiveQuery } from './sources/live-query.js'
import { StartWait, type WaitKind } from './start-wait.js'

export class Bouncer {
  readonly #options: ResolvedOptions
  readonly #sources: readonly ConnectedSource[]
  readonly #events: Events<BouncerEvents>
  readonly #requests = new RequestCounts()
  readonly #metrics: BouncerMetrics
  readonly #announcer: Announcer
  readonly #sweeper: Sweeper
  readonly #severity: Severity
  readonly #judge: Judge
  readonly #asking: Asking
  readonly #health: HealthWatch
  readonly #live: LiveQuery | null
  readonly #geo: GeoResolver | null
  readonly #allowlists: LinkedAllowlists | null
  readonly #capi: CapiParts | null
  readonly #usage: UsageReporter | null
  readonly #gatekeeper: Gatekeeper
  readonly #startWait: StartWait
  #started: Promise<void> | null = null
  #stopped: Promise<void> | null = null

  /** Use `createBouncer`. */
  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#startWait = new StartWait(options.startTimeout)
    this.#events = new Events(options.logger)
    const severity = new Severity(options.severityOrder)
    this.#severity = severity
    const listener: SourceListener = {
      synced: (source, report) => {
        this.#health.look()
        this.#announcer.synced(source, report)
      },
      failed: (source, error, isStale) => this.#announcer.failed(source, error, isStale),
    }
    this.#allowlists = createLinkedAllowlists(options)
    this.#capi = createCapi(options, {
      isAllowlisted: (address) => this.#isOnLinkedAllowlist(address),
      warnOnce: (code, message) => this.#announcer.warnOnce(code, message),
      onError: (error) => this.#announcer.reportFailed(error),
    })
    const capiSource = sourceOfCapi(options, this.#capi, this.#allowlists)
    const warn = (code: string, message: string) => this.#announcer.warnOnce(code, message)
    const sources = createSources(options, warn, presentOnly(capiSource))
    this.#sources = sources.map((source) => {
      const snapshot = snapshotPlace(options, source.name, sources.length)
      return new ConnectedSource(source, { severity, logger: options.logger, listener, snapshot })
    })
    this.#metrics = new BouncerMetrics(this.#requests, this.#sources)
    const usage = new UsageCounts(this.#requests)
    if (this.#capi !== null) addCapiMetrics(this.#metrics.registry, measured(this.#capi))
    const reporter = this.#capi?.reporting?.reporter ?? null
    this.#announcer = new Announcer({ ...options, events: this.#events, metrics: this.#metrics, usage, reporter })
    this.#usage = createUsageReporter(options, {
      counts: usage,
      activeDecisions: async () => (await Promise.all(this.#sources.map((source) => source.active()))).flat(),
      onError: (error) => this.#announcer.reportFailed(error),
    })
    this.#gatekeeper = {
      ask: (address, subjects, guardRails) => this.#asking.ask(address, subjects, guardRails),
      isReporting: reporter !== null,
      remediated: (remediation, request) => this.#announcer.remediated(remediation, request),
      gateFailed: (error) => this.#announcer.gateFailed(error),
      passedUnjudged: () => this.#requests.countFailure('internal'),
      warnOnce: (code, message) => this.#announcer.warnOnce(code, message),
    }
    this.#judge = new Judge(this.#sources)
    const policy = new Policy(this.#judge, this.#requests, {
      allowlists: [new PrefixSet(prefixesIn(options.allowlist)), ...presentOnly(this.#allowlists)],
      guardRails: new GuardRails(options, severity),
      invalidAddressAction: options.invalidAddressAction,
    })
    const accounts = this.#sources.map(({ account }) => account)
    this.#health = new HealthWatch(accounts, options, (cause, action) => policy.setTrouble(cause, action))
    this.#live = createLiveQuery(options, severity, (error) => this.#announcer.failed('live', error, false))
    this.#geo = createGeoResolver(options)
    this.#asking = new Asking({
      ...options,
      policy,
      announcer: this.#announcer,
      metrics: this.#metrics,
      live: this.#live,
      geo: this.#geo,
      isReady: () => this.isReady(),
      whenReady: async () => this.#started?.catch(() => {}),
    })
    this.#sweeper = new Sweeper(() => [...this.#sources, ...presentOnly(this.#allowlists)].map(({ store }) => store))
  }

  /** The prom-client registry with this bouncer's metrics. */
  get registry(): Registry {
    return this.#metrics.registry
  }

  /**
   * Starts the sources. Resolves after the first full sync of all of them, or after `startTimeout`; they go on trying then.
   * Rejects with `ERR_CSB_STATE` after `stop()`, and with `ERR_CSB_GEOIP` if a database cannot be used, while all else goes on.
   */
  start(): Promise<void> {
    return this.#startOnce('keeps the process alive')
  }

  /** Like `start`, for those who do not wait: the wait for the first sync does not keep the process alive. Never rejects. */
  startInBackground(): void {
    this.#startOnce('in the background').catch((error) => this.warnOnce(codeOf(error), messageOf(error)))
  }

  #startOnce(wait: WaitKind): Promise<void> {
    if (this.#stopped !== null)
      return Promise.reject(new BouncerError('ERR_CSB_STATE', 'start() was called after stop()'))
    this.#started ??= this.#start(wait)
    return this.#started
  }

  /** Stops everything; afterwards nothing of the bouncer keeps the process alive. `check` goes on answering. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /**
   * The verdict on an address, at once and without allocating where nothing matches. Never throws: what is not an address
   * gets `invalidAddressAction`. `subjects` are judged too; the most severe decision over all wins. What is answered counts
   * and is logged as done; `explain` only looks.
   */
  check(address: string, subjects?: Subjects): Verdict {
    const verdict = this.#asking.check(address, subjects)
    if (verdict !== ALLOWED) this.#announcer.done(address, this.#judge.family, verdict)
    return verdict
  }

  /**
   * Like `check`, and asks the LAPI where that is switched on (`mode` live or hybrid), or waits for the first sync
   * (`waitForSync`). At once where nothing has to be waited for, else with a promise that never rejects.
   */
  ask(address: string, subjects?: Subjects): Verdict | Promise<Verdict> {
    const verdict = this.#asking.ask(address, subjects)
    if (!(verdict instanceof Promise)) return this.#countedAsDone(address, verdict)
    return verdict.then((one) => this.#countedAsDone(address, one))
  }

  /** A gate for one kind of request: what a web framework's face is made of. Throws `ERR_CSB_CONFIG` for bad overrides. */
  gate<Request>(reader: RequestReader<Request>, overrides: RouteOverrides = {}): Gate<Request> {
    const options = withOverrides(this.#options, overrides)
    const { maxRemediation } = options
    const guardRails = new GuardRails({ ...this.#options, maxRemediation }, this.#severity)
    const { logger } = this.#options
    const responder = new Responder(options, {
      guardRails,
      logger,
      onError: (error) => this.#announcer.gateFailed(error),
    })
    if (responder.isFallbackForbidden && maxRemediation !== 'allow') {
      this.warnOnce('CSB_MAX_REMEDIATION', fallbackForbidden(maxRemediation))
    }
    return new Gate(this.#gatekeeper, reader, options, { guardRails, responder })
  }

  /** Every decision in force that matches, the one that wins first. */
  explain(address: string, subjects?: Subjects): Decision[] {
    return this.#judge.explain(address, this.#asking.located(address, subjects))
  }

  /**
   * Tells CAPI of an attack that you saw yourself: a failed login, a visit to a honeypot. Returns at once; those of one address and
   * scenario within `reportWindow` are one signal. Throws `ERR_CSB_BAD_ADDRESS`, `ERR_CSB_SIGNAL`, and `ERR_CSB_STATE` where
   * `report` is off. Special addresses (private, loopback, ...) and those of `allowlist` are passed over.
   */
  report(signal: OwnSignal): void {
    this.#reporting('report').reporter.report(signal)
  }

  /**
   * Sends at once all that is to be told, in place of waiting for `reportInterval`. What could not be sent is told in the report
   * and stays in the outbox. Rejects with `ERR_CSB_STORAGE`, and with `ERR_CSB_STATE` where `report` is off.
   */
  async sendSignals(): Promise<SendReport> {
    return this.#reporting('sendSignals').send()
  }

  /** Whether every source has had its first full sync. */
  isReady(): boolean {
    return this.#sources.every(({ account }) => account.isReady)
  }

  stats(): BouncerStats {
    const sources = this.#sources.map((source) => source.stats())
    return statsOf({ requests: this.#requests, sources, signals: this.#capi?.reporting?.stats() })
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
    this.#announcer.warnOnce(code, message)
  }

  async #start(wait: WaitKind): Promise<void> {
    for (const notice of this.#options.notices) this.#options.logger.warn(notice)
    const warnings = [...connectionWarnings(this.#options), ...scenarioWarnings(this.#options)]
    for (const { code, message } of warnings) this.warnOnce(code, message)
    if (prefixesIn(this.#options.allowlist).some(({ length }) => length === 0)) {
      this.warnOnce('CSB_ALLOWLIST_ALL', 'allowlist holds every address of a family, none of which is ever blocked')
    }
    this.#sweeper.start()
    this.#health.start()
    this.#usage?.start()
    // Before the decisions of the last run are in force.
    if (this.#allowlists !== null) await this.#allowlists.load()
    if (this.#stopped !== null) return
    this.#capi?.account.start()
    this.#capi?.reporting?.start()
    for (const source of this.#sources) void source.start()
    const placed = this.#geo instanceof MmdbResolver ? this.#geo.start() : undefined
    const ready = Promise.all([placed, ...this.#sources.map(({ firstSync }) => firstSync)])
    await this.#startWait.for(ready, wait)
  }

  async #stop(): Promise<void> {
    this.#startWait.end()
    this.#sweeper.stop()
    this.#health.stop()
    const geo = this.#geo instanceof MmdbResolver ? this.#geo.stop() : undefined
    const sources = Promise.all(this.#sources.map((source) => source.stop()))
    await Promise.all([sources.then(() => this.#stopCapi()), this.#live?.stop(), this.#usage?.stop(), geo])
    await this.#allowlists?.stop()
    this.#announcer.end()
  }

  async #stopCapi(): Promise<void> {
    await this.#capi?.reporting?.stop()
    await this.#capi?.account.close()
  }

  #reporting(method: string): Reporting {
    const reporting = this.#capi?.reporting
    if (reporting) return reporting
    throw new BouncerError('ERR_CSB_STATE', `${method}() needs the option report`)
  }

  #isOnLinkedAllowlist(address: string): boolean {
    const words = createAddressWords()
    return this.#allowlists?.hasWords(parseAddress(address, words), words) ?? false
  }

  /** Without a gate it is the caller who answers the visitor, and he is taken at our word. */
  #countedAsDone(address: string, verdict: Verdict): Verdict {
    if (verdict !== ALLOWED) this.#announcer.done(address, familyOf(address), verdict)
    return verdict
  }
}

function fallbackForbidden(limit: string | undefined): string {
  return `maxRemediation is ${limit}, which cannot be carried out here, and a ban in its place would be more: visitors with such a decision are let pass`
}

function presentOnly<Part>(part: Part | null): readonly Part[] {
  return part === null ? [] : [part]
}

function codeOf(error: unknown): string {
  return error instanceof BouncerError ? error.code : 'ERR_CSB_INTERNAL'
}

/** Makes a bouncer. Options are validated at once: throws `ERR_CSB_CONFIG`. */
export function createBouncer(options: BouncerOptions): Bouncer {
  return new Bouncer(parseOptions(options))
}
