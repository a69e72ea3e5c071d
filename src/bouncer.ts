/** Puts the rooms together: sources fill stores, `check` asks the stores, listeners and metrics hear of it. */

import type { Registry } from 'prom-client'
import { Announcer, messageOf } from './announcer.js'
import type { BouncerEvents, BouncerStats } from './bouncer-face.js'
import { createGeoResolver } from './config/create-geo-resolver.js'
import { createLiveQuery, createSources, createUsageReporter } from './config/create-sources.js'
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
import { withPlace } from './geo/geo-subjects.js'
import { MmdbResolver } from './geo/mmdb-resolver.js'
import { HealthWatch } from './health-watch.js'
import { BouncerMetrics } from './metrics/bouncer-metrics.js'
import { RequestCounts } from './metrics/request-counts.js'
import { UsageCounts } from './metrics/usage-counts.js'
import type { UsageReporter } from './metrics/usage-reporter.js'
import { canonicalAddress, familyOf } from './net/address.js'
import { PrefixSet, prefixesIn } from './net/prefix-set.js'
import { Policy } from './policy.js'
import { GuardRails } from './remediation/guard-rails.js'
import { Responder } from './remediation/responder.js'
import { ConnectedSource, type SourceListener } from './sources/connected-source.js'
import type { LiveQuery } from './sources/live-query.js'

/** One of so many checks is timed: often enough to see, too rare to cost. */
const TIMED_CHECKS_MASK = 4095

type StartWait = 'keeps the process alive' | 'in the background'

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
  readonly #policy: Policy
  readonly #health: HealthWatch
  readonly #live: LiveQuery | null
  readonly #geo: GeoResolver | null
  readonly #usage: UsageReporter | null
  readonly #gatekeeper: Gatekeeper
  #checks = 0
  #started: Promise<void> | null = null
  #stopped: Promise<void> | null = null
  #endStart: () => void = () => {}

  /** Use `createBouncer`. */
  constructor(options: ResolvedOptions) {
    this.#options = options
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
    const sources = createSources(options, (code, message) => this.#announcer.warnOnce(code, message))
    this.#sources = sources.map((source) => {
      const snapshot = snapshotOf(options, source.name, sources.length)
      return new ConnectedSource(source, { severity, logger: options.logger, listener, snapshot })
    })
    this.#metrics = new BouncerMetrics(this.#requests, this.#sources)
    const usage = new UsageCounts(this.#requests)
    this.#announcer = new Announcer({ ...options, events: this.#events, metrics: this.#metrics, usage })
    this.#usage = createUsageReporter(options, {
      counts: usage,
      activeDecisions: async () => (await Promise.all(this.#sources.map((source) => source.active()))).flat(),
      onError: (error) => this.#announcer.usageFailed(error),
    })
    this.#gatekeeper = {
      ask: (address, subjects, guardRails) => this.#ask(address, subjects, guardRails),
      remediated: (remediation) => this.#announcer.remediated(remediation),
      gateFailed: (error) => this.#announcer.gateFailed(error),
      passedUnjudged: () => this.#requests.countFailure('internal'),
      warnOnce: (code, message) => this.#announcer.warnOnce(code, message),
    }
    this.#judge = new Judge(this.#sources)
    this.#policy = new Policy(this.#judge, this.#requests, {
      allowlist: new PrefixSet(prefixesIn(options.allowlist)),
      guardRails: new GuardRails(options, severity),
      invalidAddressAction: options.invalidAddressAction,
    })
    const accounts = this.#sources.map(({ account }) => account)
    this.#health = new HealthWatch(accounts, options, (cause, action) => this.#policy.setTrouble(cause, action))
    this.#live = createLiveQuery(options, severity, (error) => this.#announcer.failed('live', error, false))
    this.#geo = createGeoResolver(options)
    this.#sweeper = new Sweeper(() => this.#sources.map(({ store }) => store))
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

  #startOnce(wait: StartWait): Promise<void> {
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
    const verdict = this.#check(address, this.#located(address, subjects))
    if (verdict !== ALLOWED) this.#announcer.done(address, this.#judge.family, verdict)
    return verdict
  }

  /**
   * Like `check`, and asks the LAPI where that is switched on (`mode` live or hybrid), or waits for the first sync
   * (`waitForSync`). At once where nothing has to be waited for, else with a promise that never rejects.
   */
  ask(address: string, subjects?: Subjects): Verdict | Promise<Verdict> {
    const verdict = this.#ask(address, subjects)
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
    return this.#judge.explain(address, this.#located(address, subjects))
  }

  /** Whether every source has had its first full sync. */
  isReady(): boolean {
    return this.#sources.every(({ account }) => account.isReady)
  }

  stats(): BouncerStats {
    let remediated = 0
    for (const { count } of this.#requests.remediated()) remediated += count
    const { allowed } = this.#requests
    const invalid = this.#requests.failures('invalid_address')
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
    this.#announcer.warnOnce(code, message)
  }

  async #start(wait: StartWait): Promise<void> {
    for (const notice of this.#options.notices) this.#options.logger.warn(notice)
    for (const { code, message } of connectionWarnings(this.#options)) this.warnOnce(code, message)
    if (prefixesIn(this.#options.allowlist).some(({ length }) => length === 0)) {
      this.warnOnce('CSB_ALLOWLIST_ALL', 'allowlist holds every address of a family, none of which is ever blocked')
    }
    this.#sweeper.start()
    this.#health.start()
    this.#usage?.start()
    for (const source of this.#sources) void source.start()
    const placed = this.#geo instanceof MmdbResolver ? this.#geo.start() : undefined
    const ready = Promise.all([placed, ...this.#sources.map(({ firstSync }) => firstSync)])
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.startTimeout)
      if (wait === 'in the background') timer.unref()
      this.#endStart = resolve
    })
    await Promise.race([ready, timeout]).finally(() => clearTimeout(timer))
  }

  async #stop(): Promise<void> {
    this.#endStart()
    this.#sweeper.stop()
    this.#health.stop()
    const geo = this.#geo instanceof MmdbResolver ? this.#geo.stop() : undefined
    await Promise.all([...this.#sources.map((source) => source.stop()), this.#live?.stop(), this.#usage?.stop(), geo])
    this.#announcer.end()
  }

  #check(address: string, subjects: Subjects | undefined, guardRails?: GuardRails): Verdict {
    this.#checks = (this.#checks + 1) & TIMED_CHECKS_MASK
    if (this.#checks !== 0) {
      return this.#announcer.judged(address, this.#policy.verdict(address, subjects, null, guardRails))
    }
    const began = performance.now()
    const verdict = this.#announcer.judged(address, this.#policy.verdict(address, subjects, null, guardRails))
    this.#metrics.observeCheck((performance.now() - began) / 1000)
    return verdict
  }

  /** Without a gate it is the caller who answers the visitor, and he is taken at our word. */
  #countedAsDone(address: string, verdict: Verdict): Verdict {
    if (verdict !== ALLOWED) this.#announcer.done(address, familyOf(address), verdict)
    return verdict
  }

  #ask(address: string, subjects: Subjects | undefined, guardRails?: GuardRails): Verdict | Promise<Verdict> {
    const known = this.#located(address, subjects)
    if (this.#options.waitForSync && !this.isReady()) return this.#waitAndAsk(address, known, guardRails)
    return this.#askNow(address, known, guardRails)
  }

  async #waitAndAsk(address: string, subjects: Subjects | undefined, guardRails?: GuardRails): Promise<Verdict> {
    await this.#started?.catch(() => {})
    return this.#askNow(address, subjects, guardRails)
  }

  #askNow(address: string, subjects: Subjects | undefined, guardRails?: GuardRails): Verdict | Promise<Verdict> {
    const live = this.#live
    if (live === null || !this.#policy.needsLive(address, subjects)) return this.#check(address, subjects, guardRails)
    const text = canonicalAddress(address)
    const known = live.peek(text, subjects)
    if (known !== undefined) {
      return this.#announcer.judged(address, this.#policy.verdict(address, subjects, known, guardRails))
    }
    return live.ask(text, subjects).then(
      (found) => this.#announcer.judged(address, this.#policy.verdict(address, subjects, found, guardRails)),
      () => this.#liveFailed(address, subjects, guardRails),
    )
  }

  /** What is known of a visitor; where it is switched on, with the place of his address. */
  #located(address: string, subjects: Subjects | undefined): Subjects | undefined {
    return this.#geo === null ? subjects : withPlace(this.#geo, address, subjects)
  }

  #liveFailed(address: string, subjects: Subjects | undefined, guardRails: GuardRails | undefined): Verdict {
    const { lapiFailureAction } = this.#options
    return this.#announcer.judged(address, this.#policy.liveFailed(address, subjects, lapiFailureAction, guardRails))
  }
}

function fallbackForbidden(limit: string | undefined): string {
  return `maxRemediation is ${limit}, which cannot be carried out here, and a ban in its place would be more: visitors with such a decision are let pass`
}

function codeOf(error: unknown): string {
  return error instanceof BouncerError ? error.code : 'ERR_CSB_INTERNAL'
}

/** Each source has a file of its own; where there are several, its name is added to `snapshotFile`. */
function snapshotOf({ snapshotFile, snapshotInterval }: ResolvedOptions, source: string, sourceCount: number) {
  if (snapshotFile === undefined) return null
  const path = sourceCount === 1 ? snapshotFile : `${snapshotFile}.${encodeURIComponent(source)}`
  return { path, interval: snapshotInterval }
}

/** A framework's face: the bouncer, and the gate through which its requests go. */
export interface OpenGate<Request> {
  readonly bouncer: Bouncer
  readonly gate: Gate<Request>
}

/**
 * What every face begins with. A bouncer of the caller's own is taken as it is; of options one is made and started in the
 * background. Throws `ERR_CSB_CONFIG` at once, and then nothing was started.
 */
export function openGate<Request>(
  options: BouncerOptions | Bouncer,
  reader: RequestReader<Request>,
  overrides?: RouteOverrides,
): OpenGate<Request> {
  const bouncer = options instanceof Bouncer ? options : createBouncer(options)
  const gate = bouncer.gate(reader, overrides)
  if (bouncer !== options) bouncer.startInBackground()
  return { bouncer, gate }
}

/** Makes a bouncer. Options are validated at once: throws `ERR_CSB_CONFIG`. */
export function createBouncer(options: BouncerOptions): Bouncer {
  return new Bouncer(parseOptions(options))
}
