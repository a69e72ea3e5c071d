/** Puts the rooms together: sources fill stores, `check` asks the stores, listeners and metrics hear of it. */

import type { Registry } from 'prom-client'
import type { BouncerEvents, BouncerStats } from './bouncer-face.js'
import { createLiveQuery, createSources } from './config/create-sources.js'
import type { BouncerOptions } from './config/options.js'
import { parseOptions, type ResolvedOptions } from './config/parse-options.js'
import { type RouteOverrides, withOverrides } from './config/route-options.js'
import { ALLOWED, type Decision, type Verdict } from './decisions/decision.js'
import { Judge, type Subjects } from './decisions/judge.js'
import { Severity } from './decisions/severity.js'
import { Sweeper } from './decisions/sweeper.js'
import { BouncerError } from './errors.js'
import { Events } from './events.js'
import { Gate, type RequestReader } from './gate.js'
import { HealthWatch } from './health-watch.js'
import { BouncerMetrics } from './metrics/bouncer-metrics.js'
import { RequestCounts } from './metrics/request-counts.js'
import { canonicalAddress } from './net/address.js'
import { PrefixSet } from './net/prefix-set.js'
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
  readonly #sweeper: Sweeper
  readonly #judge: Judge
  readonly #policy: Policy
  readonly #health: HealthWatch
  readonly #live: LiveQuery | null
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
    this.#policy = new Policy(this.#judge, this.#requests, {
      allowlist: new PrefixSet(options.allowlist),
      guardRails: new GuardRails(options, severity),
      invalidAddressAction: options.invalidAddressAction,
    })
    const accounts = this.#sources.map(({ account }) => account)
    this.#health = new HealthWatch(accounts, options, (cause, action) => this.#policy.setTrouble(cause, action))
    this.#live = createLiveQuery(options, severity)
    this.#sweeper = new Sweeper(() => this.#sources.map(({ store }) => store))
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
    return this.#startOnce('keeps the process alive')
  }

  /** Like `start`, for those who do not wait: the wait for the first sync does not keep the process alive. Never rejects. */
  startInBackground(): void {
    this.#startOnce('in the background').catch((error) => this.#options.logger.error(messageOf(error)))
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

  /**
   * Like `check`, and asks the LAPI where that is switched on (`mode` live or hybrid), or waits for the first sync
   * (`waitForSync`). At once where nothing has to be waited for, else with a promise that never rejects.
   */
  ask(address: string, subjects?: Subjects): Verdict | Promise<Verdict> {
    if (this.#options.waitForSync && !this.isReady()) return this.#waitAndAsk(address, subjects)
    return this.#live === null ? this.check(address, subjects) : this.#askNow(address, subjects)
  }

  /** A gate for one kind of request: what a web framework's face is made of. Throws `ERR_CSB_CONFIG` for bad overrides. */
  gate<Request>(reader: RequestReader<Request>, overrides: RouteOverrides = {}): Gate<Request> {
    const options = withOverrides(this.#options, overrides)
    return new Gate(this, reader, options, new Responder(options))
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
    if (this.#warned.has(code)) return
    this.#warned.add(code)
    if (this.#options.hasLogger) this.#options.logger.warn(`${code}: ${message}`)
    else process.emitWarning(message, { type: 'CrowdSecWarning', code })
  }

  /** Told by a gate: a request is answered in the application's place, or would be (`dryRun`). */
  noteBlocked(address: string, verdict: Verdict, isDryRun: boolean): void {
    const { origin = '', scenario = '' } = verdict.decision ?? {}
    const what = isDryRun ? 'would be blocked (dry run)' : 'blocked'
    this.#options.logger.info(`${address} ${what}: ${verdict.action}, origin ${origin}, scenario ${scenario}`)
  }

  /** Told by a gate: something of ours, or a function that the user gave, threw. The request was let pass. */
  noteGateError(error: unknown): void {
    this.#options.logger.error(`A request was let pass because judging it failed: ${messageOf(error)}`)
  }

  async #start(wait: StartWait): Promise<void> {
    for (const notice of this.#options.notices) this.#options.logger.warn(notice)
    this.#sweeper.start()
    this.#health.start()
    for (const source of this.#sources) void source.start()
    const ready = Promise.all(this.#sources.map(({ firstSync }) => firstSync))
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.startTimeout)
      if (wait === 'in the background') timer.unref()
      this.#endStart = resolve
    })
    await Promise.race([ready, timeout])
    clearTimeout(timer)
  }

  async #stop(): Promise<void> {
    this.#endStart()
    this.#sweeper.stop()
    this.#health.stop()
    await Promise.all([...this.#sources.map((source) => source.stop()), this.#live?.stop()])
  }

  #sourceListener(): SourceListener {
    return {
      synced: (source, report) => {
        this.#health.look()
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
    const verdict = this.#policy.verdict(address, subjects)
    if (verdict !== ALLOWED) this.#tellBlocked(address, verdict)
    return verdict
  }

  #tellBlocked(address: string, verdict: Verdict): Verdict {
    if (verdict !== ALLOWED && this.#events.has('blocked')) this.#events.tell('blocked', { address, verdict })
    return verdict
  }

  async #waitAndAsk(address: string, subjects: Subjects | undefined): Promise<Verdict> {
    await this.#started
    return this.#askNow(address, subjects)
  }

  #askNow(address: string, subjects: Subjects | undefined): Verdict | Promise<Verdict> {
    const live = this.#live
    if (live === null || !this.#policy.needsLive(address, subjects)) return this.check(address, subjects)
    const text = canonicalAddress(address)
    const known = live.peek(text)
    if (known !== undefined) return this.#tellBlocked(address, this.#policy.verdict(address, subjects, known.found))
    return live.ask(text).then(
      ({ found }) => this.#tellBlocked(address, this.#policy.verdict(address, subjects, found)),
      (error) => this.#liveFailed(address, subjects, error),
    )
  }

  #liveFailed(address: string, subjects: Subjects | undefined, error: unknown): Verdict {
    this.#options.logger.debug(`The LAPI could not be asked about ${address}: ${messageOf(error)}`)
    return this.#tellBlocked(address, this.#policy.liveFailed(address, subjects, this.#options.lapiFailureAction))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
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
