/** Puts the rooms together: sources fill stores, `check` asks the stores, listeners and metrics hear of it. */

import type { Registry } from 'prom-client'
import { Announcer } from './announcer.js'
import { Asking } from './asking.js'
import { type BouncerEvents, type BouncerStats, statsOf } from './bouncer-face.js'
import { type CapiParts, createCapi, measured, sourceOfCapi } from './config/create/create-capi.js'
import { createLinkedAllowlists } from './config/create/create-capi-source.js'
import { createGeoResolver } from './config/create/create-geo-resolver.js'
import { createLiveQuery, createSources, createUsageReporter, snapshotPlace } from './config/create/create-sources.js'
import type { BouncerOptions } from './config/options/options.js'
import { parseOptions, type ResolvedOptions } from './config/parse-options.js'
import type { RouteOverrides } from './config/route-options.js'
import { ALLOWED, type Decision, type Verdict } from './decisions/decision.js'
import { Judge, type Subjects } from './decisions/judge.js'
import { Severity } from './decisions/severity.js'
import { Sweeper } from './decisions/sweeper.js'
import { BouncerError } from './errors.js'
import { Events } from './events.js'
import type { Gate, RequestReader } from './gate.js'
import { Gates } from './gates.js'
import { HealthWatch } from './health-watch.js'
import { Lifecycle } from './lifecycle.js'
import { BouncerMetrics } from './metrics/bouncer-metrics.js'
import { addCapiMetrics } from './metrics/capi-metrics.js'
import { RequestCounts } from './metrics/request-counts.js'
import { UsageCounts } from './metrics/usage-counts.js'
import { familyOf } from './net/address.js'
import { PrefixSet, prefixesIn } from './net/prefix-set.js'
import { Policy } from './policy.js'
import { GuardRails } from './remediation/guard-rails.js'
import type { OwnSignal } from './signals/hits/own-signal.js'
import type { Reporting } from './signals/reporting.js'
import type { SendReport } from './signals/sending/signal-sender.js'
import { ConnectedSource, type SourceListener } from './sources/connected-source.js'

export class Bouncer {
  readonly #sources: readonly ConnectedSource[]
  readonly #events: Events<BouncerEvents>
  readonly #requests = new RequestCounts()
  readonly #metrics: BouncerMetrics
  readonly #announcer: Announcer
  readonly #judge: Judge
  readonly #asking: Asking
  readonly #health: HealthWatch
  readonly #lifecycle: Lifecycle
  readonly #capi: CapiParts | null
  readonly #gates: Gates

  /** Use `createBouncer`. */
  constructor(options: ResolvedOptions) {
    this.#events = new Events(options.logger)
    const severity = new Severity(options.severityOrder)
    const listener: SourceListener = {
      synced: (source, report) => {
        this.#health.look()
        this.#announcer.synced(source, report)
      },
      failed: (source, error, isStale) => this.#announcer.failed(source, error, isStale),
    }
    const warnOnce = (code: string, message: string) => this.#announcer.warnOnce(code, message)
    const linkedAllowlists = createLinkedAllowlists(options)
    const allowlists = [new PrefixSet(prefixesIn(options.allowlist)), ...presentOnly(linkedAllowlists)]
    this.#capi = createCapi(options, {
      isAllowlisted: (address) => allowlists.some((one) => one.has(address)),
      warnOnce,
      onError: (error) => this.#announcer.reportFailed(error),
      onStorageFailed: (error) => this.#announcer.storageFailed(error),
    })
    const capiSource = sourceOfCapi(options, this.#capi, linkedAllowlists)
    const sources = createSources(options, warnOnce, presentOnly(capiSource))
    this.#sources = sources.map((source) => {
      const snapshot = snapshotPlace(options, source.name, sources.length)
      return new ConnectedSource(source, { severity, logger: options.logger, listener, snapshot })
    })
    this.#metrics = new BouncerMetrics(this.#requests, this.#sources)
    const usage = new UsageCounts(this.#requests)
    if (this.#capi !== null) addCapiMetrics(this.#metrics.registry, measured(this.#capi))
    const reporter = this.#capi?.reporting?.reporter ?? null
    this.#announcer = new Announcer({ ...options, events: this.#events, metrics: this.#metrics, usage, reporter })
    const usageReporter = createUsageReporter(options, {
      counts: usage,
      activeDecisions: async () => (await Promise.all(this.#sources.map((source) => source.active()))).flat(),
      onError: (error) => this.#announcer.reportFailed(error),
    })
    this.#judge = new Judge(this.#sources)
    const policy = new Policy(this.#judge, this.#requests, {
      allowlists,
      guardRails: new GuardRails(options, severity),
      invalidAddressAction: options.invalidAddressAction,
    })
    const accounts = this.#sources.map(({ account }) => account)
    this.#health = new HealthWatch(accounts, options, (cause, action) => policy.setTrouble(cause, action))
    const live = createLiveQuery(options, severity, (error) => this.#announcer.failed('live', error, false))
    const geo = createGeoResolver(options, warnOnce)
    this.#asking = new Asking({
      ...options,
      policy,
      announcer: this.#announcer,
      metrics: this.#metrics,
      live,
      geo,
      isReady: () => this.isReady(),
      whenReady: () => this.#lifecycle.whenStarted(),
    })
    this.#gates = new Gates({
      options,
      severity,
      asking: this.#asking,
      announcer: this.#announcer,
      requests: this.#requests,
      isReporting: reporter !== null,
    })
    this.#lifecycle = new Lifecycle({
      options,
      announcer: this.#announcer,
      sources: this.#sources,
      allowlists: linkedAllowlists,
      capi: this.#capi,
      live,
      geo,
      usage: usageReporter,
      sweeper: new Sweeper(() => [...this.#sources, ...presentOnly(linkedAllowlists)].map(({ store }) => store)),
      health: this.#health,
    })
  }

  /** The prom-client registry with this bouncer's metrics. */
  get registry(): Registry {
    return this.#metrics.registry
  }

  /**
   * Starts the sources. Resolves after the first full sync of all of them, or after `startTimeout`; they go on trying then.
   * Rejects with `ERR_CSB_STATE` after `stop()`, and, while all else goes on, with `ERR_CSB_GEOIP` if a database of places cannot be
   * used and with `ERR_CSB_STORAGE` if a package that `capiStorage` needs is not installed.
   */
  start(): Promise<void> {
    return this.#lifecycle.start('keeps the process alive')
  }

  /**
   * Like `start`, for those who do not wait: neither the wait for the first sync nor one for the next pull keeps the process
   * alive, only a request under way, until its deadline. Never rejects.
   */
  startInBackground(): void {
    this.#lifecycle.start('in the background').catch((error) => this.#announcer.startFailed(error))
  }

  /** Stops everything; afterwards nothing of the bouncer keeps the process alive. `check` goes on answering. */
  stop(): Promise<void> {
    return this.#lifecycle.stop()
  }

  /**
   * The verdict on an address, at once and without allocating where nothing matches. Never throws: what is not an address
   * gets `invalidAddressAction`. `subjects` are judged too; the most severe decision over all wins. What is answered counts
   * and is logged as done; `explain` only looks.
   */
  check(address: string, subjects?: Subjects): Verdict {
    const verdict = this.#asking.check(address, subjects)
    if (verdict !== ALLOWED) this.#announcer.done(address, this.#asking.family, verdict)
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
    return this.#gates.open(reader, overrides)
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

  #reporting(method: string): Reporting {
    const reporting = this.#capi?.reporting
    if (reporting) return reporting
    throw new BouncerError('ERR_CSB_STATE', `${method}() needs the option report`)
  }

  /** Without a gate it is the caller who answers the visitor, and he is taken at our word. */
  #countedAsDone(address: string, verdict: Verdict): Verdict {
    if (verdict !== ALLOWED) this.#announcer.done(address, familyOf(address), verdict)
    return verdict
  }
}

function presentOnly<Part>(part: Part | null): readonly Part[] {
  return part === null ? [] : [part]
}

/** Makes a bouncer. Options are validated at once: throws `ERR_CSB_CONFIG`. */
export function createBouncer(options: BouncerOptions): Bouncer {
  return new Bouncer(parseOptions(options))
}
