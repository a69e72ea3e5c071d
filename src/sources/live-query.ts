/**
 * Live mode: the LAPI is asked about an address when it is first seen, and its answer is remembered for a moment. Questions
 * about one thing at one time are one question. Every failure is told to the caller, who has a policy for it.
 */

import { LRUCache } from 'lru-cache'
import type { FoundVerdict } from '../decisions/decision.js'
import { parseGoDuration } from '../decisions/go-duration.js'
import type { Subjects } from '../decisions/judge.js'
import { canonicalScope } from '../decisions/scope.js'
import type { Severity } from '../decisions/severity.js'
import { LONGEST_TEXT } from '../decisions/text-limits.js'
import type { WireDecision } from '../decisions/wire-decision.js'
import { WireVerdict } from '../decisions/wire-verdict.js'
import { BouncerError } from '../errors.js'
import type { LapiClient, QueryRequest, StreamFilter } from '../lapi/lapi-client.js'
import type { Logger } from '../logger.js'
import { errorOf } from '../thrown.js'

export interface LiveQueryOptions {
  /** Each is asked; the most severe decision over all counts. */
  readonly clients: readonly Pick<LapiClient, 'query' | 'close'>[]
  /** The one of the stream. */
  readonly filter: StreamFilter
  readonly severity: Severity
  /** Answers remembered. */
  readonly cacheSize: number
  /** Milliseconds that an answer is remembered. */
  readonly cacheExpiration: number
  /** Milliseconds that a LAPI may take. */
  readonly timeout: number
  readonly logger: Logger
  /** Hears of a failure, once a minute at most: each request may bring one. */
  readonly onTrouble: (error: Error) => void
}

/** The decisions that the LAPI knows, the most severe first; remembered or asked for. */
export type LiveAnswer = readonly FoundVerdict[]

/** What is asked, and under which name the answer is remembered. */
interface Question {
  readonly key: string
  readonly subject: QueryRequest['subject']
}

/** Decisions remembered of one answer. */
const MOST_REMEMBERED = 20
/** Milliseconds in which a failure is told once. */
const TELL_INTERVAL = 60_000

export class LiveQuery {
  readonly #options: LiveQueryOptions
  readonly #scopes: ReadonlySet<string>
  readonly #known: LRUCache<string, LiveAnswer>
  readonly #asked = new Map<string, Promise<LiveAnswer>>()
  readonly #abort = new AbortController()
  #toldAt = Number.NEGATIVE_INFINITY
  #untold = 0

  constructor(options: LiveQueryOptions) {
    this.#options = options
    this.#scopes = new Set(options.filter.scopes.map(canonicalScope))
    this.#known = new LRUCache({ max: options.cacheSize, ttl: options.cacheExpiration })
  }

  /** What is remembered of an address (in canonical text) and of what else is known of a visitor; undefined if not all is. */
  peek(address: string, subjects?: Subjects): LiveAnswer | undefined {
    if (subjects === undefined && this.#asksAboutAddresses) return this.#known.get(address)
    const answers = this.#questions(address, subjects).map(({ key }) => this.#known.get(key))
    return answers.every((answer) => answer !== undefined) ? this.#merged(answers) : undefined
  }

  /** Asks for what is not remembered, once for all who ask at the same time. Rejects with what `LapiClient.query` throws. */
  async ask(address: string, subjects?: Subjects): Promise<LiveAnswer> {
    const questions = this.#questions(address, subjects)
    return this.#merged(await Promise.all(questions.map((question) => this.#answer(question))))
  }

  async stop(): Promise<void> {
    this.#abort.abort(new BouncerError('ERR_CSB_STATE', 'The bouncer was stopped'))
    await Promise.all(this.#options.clients.map((client) => client.close()))
  }

  get #asksAboutAddresses(): boolean {
    return this.#scopes.has('Ip') || this.#scopes.has('Range')
  }

  /**
   * Only decisions on addresses match `ip=`; all other scopes are asked for by name (all versions), but for texts that are too
   * long for a decision: visitors write them, and they would fill the memory as names of what is remembered.
   */
  #questions(address: string, subjects: Subjects = {}): readonly Question[] {
    const isFit = (value: unknown) => typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT
    const others = Object.entries(subjects)
      .map(([scope, value]) => ({ scopes: canonicalScope(scope), value }))
      .filter(({ scopes, value }) => this.#scopes.has(scopes) && isFit(value))
      .map((subject) => ({ key: `${subject.scopes} ${subject.value}`, subject }))
    return this.#asksAboutAddresses ? [{ key: address, subject: { ip: address } }, ...others] : others
  }

  #answer(question: Question): Promise<LiveAnswer> {
    const { key } = question
    const known = this.#known.get(key)
    if (known !== undefined) return Promise.resolve(known)
    const asked = this.#asked.get(key)
    if (asked !== undefined) return asked
    const answer = this.#query(question).finally(() => this.#asked.delete(key))
    this.#asked.set(key, answer)
    return answer
  }

  async #query({ key, subject }: Question): Promise<LiveAnswer> {
    const { clients, filter, timeout: deadline, cacheExpiration } = this.#options
    const { signal } = this.#abort
    const answers = await Promise.allSettled(
      clients.map((client) => client.query({ subject, filter, deadline, signal })),
    )
    const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
    for (const failure of failures) this.#tell(failure)
    const decisions = this.#counted(answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])))
    // One that could not be asked may know what the others do not.
    if (decisions.length === 0 && failures.length > 0) throw failures[0]
    const found = decisions.map((decision) => new WireVerdict(decision))
    this.#known.set(key, found, { ttl: Math.ceil(Math.min(cacheExpiration, ...decisions.map(remaining))) })
    return found
  }

  /** Those in force that were asked for, the most severe first. */
  #counted(decisions: readonly WireDecision[]): readonly WireDecision[] {
    const { severity } = this.#options
    return decisions
      .filter((one) => remaining(one) > 0 && this.#scopes.has(canonicalScope(one.scope)))
      .sort((a, b) => severity.rankOf(a.type) - severity.rankOf(b.type) || remaining(b) - remaining(a))
      .slice(0, MOST_REMEMBERED)
  }

  #merged(answers: readonly LiveAnswer[]): LiveAnswer {
    if (answers.length === 1) return answers[0]
    const { severity } = this.#options
    return answers.flat().sort((a, b) => severity.rankOf(a.action) - severity.rankOf(b.action))
  }

  #tell(failure: unknown): void {
    const { logger, onTrouble } = this.#options
    this.#untold++
    if (this.#abort.signal.aborted || performance.now() - this.#toldAt < TELL_INTERVAL) return
    const error = errorOf(failure, 'ERR_CSB_SOURCE')
    logger.error(`The LAPI could not be asked (failures since the last such line: ${this.#untold}): ${error.message}`)
    this.#toldAt = performance.now()
    this.#untold = 0
    onTrouble(error)
  }
}

/** Milliseconds; 0 where the duration cannot be read. */
function remaining({ duration }: WireDecision): number {
  return parseGoDuration(duration) ?? 0
}
