/**
 * Live mode: the LAPI is asked about an address when it is first seen, and its answer is remembered for a moment. Questions
 * about one address at one time are one question. Every failure is told to the caller, who has a policy for it.
 */

import { LRUCache } from 'lru-cache'
import type { FoundVerdict } from '../decisions/decision.js'
import type { Severity } from '../decisions/severity.js'
import { WireVerdict } from '../decisions/wire-verdict.js'
import type { LapiClient } from '../lapi/lapi-client.js'

export interface LiveQueryOptions {
  readonly client: LapiClient
  readonly severity: Severity
  /** Addresses remembered. */
  readonly cacheSize: number
  /** Milliseconds that an answer is remembered. */
  readonly cacheExpiration: number
  /** Milliseconds that the LAPI may take. */
  readonly timeout: number
}

/** The most severe decision on an address, or null; remembered or asked for. */
export type LiveAnswer = { readonly found: FoundVerdict | null }

export class LiveQuery {
  readonly #options: LiveQueryOptions
  readonly #known: LRUCache<string, LiveAnswer>
  readonly #asked = new Map<string, Promise<LiveAnswer>>()
  readonly #abort = new AbortController()

  constructor(options: LiveQueryOptions) {
    this.#options = options
    this.#known = new LRUCache({ max: options.cacheSize, ttl: options.cacheExpiration })
  }

  /** What is remembered of an address (in canonical text), else undefined. */
  peek(address: string): LiveAnswer | undefined {
    return this.#known.get(address)
  }

  /** Asks the LAPI, once for all who ask at the same time. Rejects with what `LapiClient.query` throws. */
  ask(address: string): Promise<LiveAnswer> {
    const asked = this.#asked.get(address)
    if (asked !== undefined) return asked
    const question = this.#ask(address).finally(() => this.#asked.delete(address))
    this.#asked.set(address, question)
    return question
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#options.client.close()
  }

  async #ask(address: string): Promise<LiveAnswer> {
    const { client, timeout, severity } = this.#options
    const decisions = await client.query({ address, deadline: timeout, signal: this.#abort.signal })
    const [worst] = [...decisions].sort((a, b) => severity.rankOf(a.type) - severity.rankOf(b.type))
    const answer = { found: worst === undefined ? null : new WireVerdict(worst) }
    this.#known.set(address, answer)
    return answer
  }
}
