/**
 * CrowdSec's Central API as a source: the community's list and what the console adds to it, without an engine in between. Each
 * pull is the whole list, but what is not in it stays until it expires or is deleted, as in the engine: the list holds the
 * most wanted only, and who falls off it is no better for that. So every pull is a change, also one upon a snapshot.
 */

import type { CapiApi } from '../capi/api/capi-api.js'
import { CapiError } from '../capi/capi-error.js'
import type { CapiDecisions } from '../capi/decisions/capi-decisions.js'
import { flatDecisions } from '../capi/decisions/flat-decisions.js'
import type { LinkedLists } from '../capi/decisions/linked-lists.js'
import type { TokenHolder } from '../capi/machines/machines.js'
import { type MonotonicClock, processClock } from '../decisions/clock.js'
import type { DecisionChange, WireDecision } from '../decisions/wire-decision.js'
import { BouncerError } from '../errors.js'
import { Backoff } from '../http/backoff.js'
import { type PauseFor, pauseInBackground } from '../http/pause.js'
import type { Logger } from '../logger.js'
import { errorOf } from '../thrown.js'
import { CapiLinks, LinksPull } from './capi-links.js'
import type { AllowlistTarget } from './linked-allowlists.js'
import type { DecisionSink, Source } from './source.js'

export interface CapiSourceOptions {
  readonly api: Pick<CapiApi, 'decisions' | 'target'>
  readonly machines: TokenHolder
  readonly machineId: string
  readonly lists: Pick<LinkedLists, 'download'>
  readonly allowlists: AllowlistTarget
  /** Milliseconds between two pulls; five minutes more or less are jitter. */
  readonly pullInterval: number
  /** The community's list, and what the console adds to it: blocklists and allowlists. */
  readonly communityPull: boolean
  readonly additionalPull: boolean
  readonly logger: Logger
  /** How it waits between pulls. Default: a timer. */
  readonly pause?: PauseFor
  readonly clock?: MonotonicClock
}

const PULL_TIMEOUT = 5 * 60_000
/** Of which half is the least that a backoff waits. */
const FIRST_BACKOFF = 2 * 60_000

const LARGEST_JITTER = 5 * 60_000

/** Milliseconds between two pulls at most, where all goes well. */
export function longestPullPause(pullInterval: number): number {
  return pullInterval + jitterOf(pullInterval)
}

function jitterOf(pullInterval: number): number {
  return Math.min(LARGEST_JITTER, pullInterval / 10)
}

export class CapiSource implements Source {
  readonly name = 'capi'
  readonly identity = 'list'
  readonly readyAfter = 'any success'
  readonly settings: string
  readonly #options: CapiSourceOptions
  readonly #links: CapiLinks
  readonly #backoff: Backoff
  readonly #pause: PauseFor
  readonly #jitter: number
  readonly #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #isFirst = true

  constructor(options: CapiSourceOptions) {
    const { api, machineId, communityPull, additionalPull, pullInterval, clock = processClock } = options
    this.settings = JSON.stringify([api.target, machineId, communityPull, additionalPull])
    this.#options = options
    this.#jitter = jitterOf(pullInterval)
    this.#links = new CapiLinks({ ...options, pullInterval: longestPullPause(pullInterval), clock })
    // Twice the interval, so that its later steps never come more often than the interval itself.
    this.#backoff = new Backoff(FIRST_BACKOFF, 2 * pullInterval)
    this.#pause = options.pause ?? pauseInBackground
  }

  start(sink: DecisionSink): void {
    this.#running = this.#run(sink)
  }

  async stop(): Promise<void> {
    this.#abort.abort(new BouncerError('ERR_CSB_STATE', 'The source was stopped'))
    await this.#running
  }

  async #run(sink: DecisionSink): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      let wait = 0
      try {
        wait = await this.#pull(sink)
      } catch (error) {
        if (signal.aborted) return
        wait = Math.max(this.#retryWait(), error instanceof CapiError ? (error.retryAfter ?? 0) : 0)
        sink.failed(errorOf(error, 'ERR_CSB_SOURCE'))
      }
      await this.#pause(wait, signal)
    }
  }

  /** Returns how long to wait for the next one. */
  async #pull(sink: DecisionSink): Promise<number> {
    const { signal } = this.#abort
    const answer = await this.#ask(signal)
    const isComplete = answer.hasLinks && answer.skipped === 0
    const pull = new LinksPull(signal, { hasHeld: sink.held > 0, isComplete })
    // First, so that nobody on an allowlist is blocked by a decision of the same answer.
    if (this.#options.additionalPull) await this.#links.takeAllowlists(answer.allowlists, pull)
    await sink.apply(this.#changes(answer, pull))
    this.#links.settle(pull)
    for (const failure of pull.failures) sink.failed(failure)
    // The links are good for a while only, so a list that failed takes a new pull.
    if (pull.failures.length > 0) return this.#retryWait()
    this.#backoff.reset()
    return this.#options.pullInterval + (2 * Math.random() - 1) * this.#jitter
  }

  async #ask(signal: AbortSignal): Promise<CapiDecisions> {
    const { api, machines, machineId, communityPull, additionalPull } = this.#options
    const request = { communityPull, additionalPull, startup: this.#isFirst, deadline: PULL_TIMEOUT, signal }
    const answer = await machines.withToken(machineId, signal, (token) => api.decisions(token, request))
    this.#isFirst = false
    return answer
  }

  async *#changes(answer: CapiDecisions, pull: LinksPull): AsyncGenerator<DecisionChange> {
    yield { deleted: deletedIn(answer), new: flatDecisions(answer) }
    if (this.#options.additionalPull) yield* this.#links.changes(answer.blocklists, pull)
  }

  #retryWait(): number {
    return Math.min(this.#backoff.next(), this.#options.pullInterval)
  }
}

/** Of the scope `ip`, the engine deletes a value whatever its scope is (1.6). */
function* deletedIn(answer: CapiDecisions): Generator<WireDecision> {
  for (const { scope, decisions } of answer.deleted) {
    for (const value of decisions) {
      const one = { origin: 'CAPI', type: 'ban', scenario: '', scope, value, duration: '0s' }
      yield one
      if (scope.toLowerCase() === 'ip') yield { ...one, scope: 'Range' }
    }
  }
}
