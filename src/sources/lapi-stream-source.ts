/**
 * The LAPI's decision stream as a source: everything once, then what changed, and everything again where the changes cannot
 * be trusted. It never gives up and never hurries.
 */

import type { DecisionChange, WireDecision } from '../decisions/wire-decision.js'
import { BouncerError } from '../errors.js'
import { Backoff } from '../http/backoff.js'
import { type PauseFor, pauseInBackground } from '../http/pause.js'
import type { KeyClaim } from '../lapi/key-claim.js'
import type { LapiClient, StreamFilter } from '../lapi/lapi-client.js'
import { LapiError, needsDuplicates } from '../lapi/lapi-client.js'
import type { Logger } from '../logger.js'
import { errorOf } from '../thrown.js'
import type { DecisionSink, Source } from './source.js'

export interface LapiStreamSourceOptions {
  readonly name: string
  readonly client: LapiClient
  readonly filter: StreamFilter
  /** Milliseconds between a success and the next pull. */
  readonly updateFrequency: number
  /** Milliseconds between full resyncs; a tenth of it is jitter. */
  readonly resyncInterval: number
  /** Milliseconds that a full pull may take, and a delta. */
  readonly fullPullTimeout: number
  readonly deltaPullTimeout: number
  readonly logger: Logger
  /** Watches that nobody else pulls with the same key. */
  readonly claim?: Pick<KeyClaim, 'start' | 'stop'> | undefined
  /** How it waits between pulls. Default: a timer. */
  readonly pause?: PauseFor
}

const LONGEST_BACKOFF = 60_000
/** Below so many decisions, half of them gone is nothing strange. */
const FEW = 100

/** Why the next pull must be a full one, or `delta`. */
type NextPull = 'delta' | 'first' | 'doubt' | 'confirm'

export class LapiStreamSource implements Source {
  readonly name: string
  /** With filters on, the LAPI sends duplicates, which only their ids tell apart. */
  readonly identity: 'value' | 'id'
  readonly settings: string
  readonly #options: LapiStreamSourceOptions
  readonly #backoff: Backoff
  readonly #pause: PauseFor
  readonly #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #next: NextPull = 'first'
  #resyncAt = 0
  /** The highest id seen, and the highest seen before the last pull. */
  #highestId = 0
  #settledId = 0

  constructor(options: LapiStreamSourceOptions) {
    this.name = options.name
    this.identity = needsDuplicates(options.filter) ? 'id' : 'value'
    this.settings = JSON.stringify([options.client.target, options.filter])
    this.#options = options
    this.#backoff = new Backoff(Math.max(1000, options.updateFrequency), LONGEST_BACKOFF)
    this.#pause = options.pause ?? pauseInBackground
  }

  start(sink: DecisionSink): void {
    this.#options.claim?.start()
    this.#running = this.#run(sink)
  }

  async stop(): Promise<void> {
    this.#abort.abort(new BouncerError('ERR_CSB_STATE', 'The source was stopped'))
    this.#options.claim?.stop()
    await this.#running
    await this.#options.client.close()
  }

  async #run(sink: DecisionSink): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      let wait = this.#options.updateFrequency
      try {
        await this.#pull(sink)
        this.#backoff.reset()
      } catch (error) {
        if (signal.aborted) return
        if (losesChanges(error)) this.#doubt()
        wait = Math.max(this.#backoff.next(), error instanceof LapiError ? (error.retryAfter ?? 0) : 0)
        sink.failed(errorOf(error, 'ERR_CSB_SOURCE'))
      }
      await this.#pause(wait, signal)
    }
  }

  async #pull(sink: DecisionSink): Promise<void> {
    if (this.#next === 'delta' && performance.now() < this.#resyncAt) await this.#pullDelta(sink)
    else await this.#pullEverything(sink)
  }

  async #pullEverything(sink: DecisionSink): Promise<void> {
    const stream = await this.#open('startup', this.#options.fullPullTimeout)
    try {
      this.#highestId = 0
      this.#settledId = 0
      await sink.replaceAll(this.#startupDecisions(stream, sink.held))
      this.#next = 'delta'
      const interval = this.#options.resyncInterval
      this.#resyncAt = performance.now() + interval - Math.random() * (interval / 10)
    } catch (error) {
      if (!(error instanceof UnlikelyAnswer)) throw error
      this.#options.logger.warn(error.message)
      this.#next = 'confirm'
    }
  }

  /**
   * A database error in mid-answer still gives 200 and valid JSON with part of the decisions (LAPI since 1.7.8), so an answer
   * that lost most of them does not count until a second one says the same.
   */
  async *#startupDecisions(
    stream: AsyncIterable<DecisionChange>,
    held: number,
  ): AsyncGenerator<readonly WireDecision[]> {
    let count = 0
    for await (const change of stream) {
      const decisions = [...(change.new ?? [])]
      count += decisions.length
      this.#noteIds(decisions)
      yield decisions
    }
    const lost = held - count
    const isUnlikely = count === 0 ? lost > 0 : held >= FEW && lost > count
    if (isUnlikely && this.#next !== 'confirm') throw new UnlikelyAnswer(count, held)
  }

  async #pullDelta(sink: DecisionSink): Promise<void> {
    const highestBefore = this.#highestId
    const lowest = { id: Number.POSITIVE_INFINITY }
    const stream = await this.#open('delta', this.#options.deltaPullTimeout)
    await sink.apply(this.#deltaChanges(stream, lowest))
    // Ids only grow, so a new decision below what was known means another database: restored, or wiped and filled anew.
    // The last pull does not count as known: the LAPI notes its time before it reads the rows, so what was inserted while it
    // read (seconds, for a full answer of 500,000) is sent, and sent again by the next delta (all versions).
    if (lowest.id <= this.#settledId) this.#doubt()
    this.#settledId = highestBefore
  }

  async *#deltaChanges(stream: AsyncIterable<DecisionChange>, lowest: { id: number }): AsyncGenerator<DecisionChange> {
    for await (const change of stream) {
      const decisions = [...(change.new ?? [])]
      lowest.id = Math.min(lowest.id, this.#noteIds(decisions))
      yield { new: decisions, ...(change.deleted === undefined ? {} : { deleted: change.deleted }) }
    }
  }

  #open(kind: 'startup' | 'delta', deadline: number): Promise<AsyncGenerator<DecisionChange>> {
    return this.#options.client.openStream({ kind, filter: this.#options.filter, deadline, signal: this.#abort.signal })
  }

  /** Remembers the highest id and returns the lowest. */
  #noteIds(decisions: readonly WireDecision[]): number {
    let lowest = Number.POSITIVE_INFINITY
    for (const { id } of decisions) {
      if (typeof id !== 'number') continue
      if (id > this.#highestId) this.#highestId = id
      if (id < lowest) lowest = id
    }
    return lowest
  }

  #doubt(): void {
    if (this.#next === 'delta') this.#next = 'doubt'
  }
}

/**
 * Whether the LAPI may have counted as delivered what never arrived. Not so if it was never reached, or said plainly that it
 * failed; after 401 and 403 it may be another database. With 502 and 504 a proxy says that it lost the LAPI's answer.
 */
function losesChanges(error: unknown): boolean {
  if (error instanceof LapiError && error.code === 'ERR_CSB_LAPI_STATUS') return [502, 504].includes(error.status)
  return !(error instanceof BouncerError && error.code === 'ERR_CSB_CONNECT')
}

class UnlikelyAnswer extends Error {
  constructor(came: number, held: number) {
    super(
      `The LAPI's full answer has only ${came} decisions where ${held} are in force; they stay in force until the next answer confirms it`,
    )
  }
}
