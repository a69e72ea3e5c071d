/** The order in which the parts of a bouncer start and stop. Each happens once. */

import type { Announcer } from './announcer.js'
import type { CapiParts } from './config/create/create-capi.js'
import { optionWarnings } from './config/option-warnings.js'
import type { ResolvedOptions } from './config/parse-options.js'
import type { Sweeper } from './decisions/sweeper.js'
import { BouncerError } from './errors.js'
import type { GeoResolver } from './geo/geo-resolver.js'
import { MmdbResolver } from './geo/mmdb-resolver.js'
import type { HealthWatch } from './health-watch.js'
import type { UsageReporter } from './metrics/usage-reporter.js'
import type { ConnectedSource } from './sources/connected-source.js'
import type { LinkedAllowlists } from './sources/linked-allowlists.js'
import type { LiveQuery } from './sources/live-query.js'
import { StartWait, type WaitKind } from './start-wait.js'

/** What starts and stops. Null is what there is none of. */
export interface LifecycleParts {
  readonly options: ResolvedOptions
  readonly announcer: Announcer
  readonly sources: readonly ConnectedSource[]
  readonly allowlists: LinkedAllowlists | null
  readonly capi: CapiParts | null
  readonly live: LiveQuery | null
  /** Not ours where the user gave it. */
  readonly geo: GeoResolver | null
  readonly usage: UsageReporter | null
  readonly sweeper: Sweeper
  readonly health: HealthWatch
}

export class Lifecycle {
  readonly #parts: LifecycleParts
  readonly #geo: MmdbResolver | null
  readonly #startWait: StartWait
  #started: Promise<void> | null = null
  #stopped: Promise<void> | null = null

  constructor(parts: LifecycleParts) {
    this.#parts = parts
    this.#geo = parts.geo instanceof MmdbResolver ? parts.geo : null
    this.#startWait = new StartWait(parts.options.startTimeout)
  }

  /** Resolves with the first sync of all sources, or when it is waited for no longer. */
  start(wait: WaitKind): Promise<void> {
    if (this.#stopped !== null)
      return Promise.reject(new BouncerError('ERR_CSB_STATE', 'start() was called after stop()'))
    if (wait === 'keeps the process alive') this.#startWait.keepAlive()
    this.#started ??= this.#start()
    return this.#started
  }

  /** Resolves when a start that is under way is over, one way or the other. */
  async whenStarted(): Promise<void> {
    await this.#started?.catch(() => {})
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #start(): Promise<void> {
    const { options, announcer, sources, allowlists, capi, usage, sweeper, health } = this.#parts
    for (const notice of options.notices) options.logger.warn(notice)
    for (const { code, message } of optionWarnings(options)) announcer.warnOnce(code, message)
    sweeper.start()
    health.start()
    usage?.start()
    // Before the decisions of the last run are in force.
    if (allowlists !== null) await allowlists.load()
    if (this.#stopped !== null) return
    capi?.account.start()
    capi?.reporting?.start()
    for (const source of sources) void source.start()
    let failure: unknown = null
    const noted = (error: unknown) => {
      failure = error
    }
    const needed = [this.#geo?.start().catch(noted), capi?.verifyPackages().catch(noted)]
    await this.#startWait.for(Promise.all([...needed, ...sources.map(({ firstSync }) => firstSync)]))
    // Only now: a database or package that is missing must not let go the requests that wait for the first sync.
    if (failure !== null) throw failure
  }

  async #stop(): Promise<void> {
    const { announcer, allowlists, live, usage, sweeper, health } = this.#parts
    this.#startWait.end()
    sweeper.stop()
    health.stop()
    await Promise.all([this.#stopSources(), live?.stop(), usage?.stop(), this.#geo?.stop()])
    await allowlists?.stop()
    announcer.end()
  }

  /** And then CAPI, of which one of them may be in need. */
  async #stopSources(): Promise<void> {
    const { sources, capi } = this.#parts
    await Promise.all(sources.map((source) => source.stop()))
    await capi?.reporting?.stop()
    await capi?.account.close()
  }
}
