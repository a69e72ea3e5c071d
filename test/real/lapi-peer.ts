/** One face over the real engine and the fake, and their answers in a form in which two LAPIs can be compared. */

import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { parseGoDuration } from '../../src/testing/go-duration.js'
import type { FakeLapi, NewDecision } from '../../src/testing/index.js'
import type { CrowdsecEngine } from './crowdsec-engine.js'

/** Which decisions to delete, in words that both sides have. */
export interface Deletion {
  readonly value: string
  readonly type?: string
  readonly origin?: string
}

/** What a scene does to a LAPI from behind. */
export interface LapiPeer {
  readonly url: string
  readonly apiKey: string
  /** Decisions of one alert: they share their creation time. */
  add(decisions: readonly NewDecision[]): Promise<void>
  delete(filter: Deletion): Promise<void>
  /** Deletes without a trace, as the deletion of an alert does. */
  purge(value: string): Promise<void>
  addBouncer(name: string, key: string): Promise<void>
  removeBouncer(name: string): Promise<void>
  restart(): Promise<void>
  /** Lets time pass. */
  later(ms: number): Promise<void>
}

export function enginePeer(engine: CrowdsecEngine): LapiPeer {
  return {
    url: engine.url,
    apiKey: engine.apiKey,
    add: (decisions) => engine.postAlert(decisions),
    delete: (filter) => engine.deleteDecisions({ ...filter }),
    purge: async (value) => void (await engine.database.sql(`DELETE FROM decisions WHERE value = '${value}';`)),
    addBouncer: async (name, key) => void (await engine.cscli('bouncers', 'add', name, '-k', key)),
    removeBouncer: async (name) => void (await engine.cscli('bouncers', 'delete', name)),
    restart: () => engine.restart(),
    later: (ms) => engine.database.age(ms),
  }
}

export function fakePeer(lapi: FakeLapi): LapiPeer {
  return {
    url: lapi.url,
    apiKey: lapi.apiKey,
    add: async (decisions) => lapi.bulk(decisions.length, (index) => decisions[index] as NewDecision),
    delete: async (filter) => void lapi.delete(filter),
    purge: async (value) => void lapi.purge({ value }),
    addBouncer: async (name, key) => lapi.addBouncer(name, key),
    removeBouncer: async (name) => lapi.removeBouncer(name),
    restart: async () => {
      await lapi.down()
      await lapi.up()
    },
    later: async (ms) => lapi.advance(ms),
  }
}

/** An answer without what must differ between two servers. */
export interface ComparableAnswer {
  readonly status: number
  /** All headers but the date; of a length only that there is one. */
  readonly headers: IncomingHttpHeaders
  /** Parsed where it is JSON; times in messages blanked. */
  readonly body: unknown
}

export async function ask(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
): Promise<ComparableAnswer> {
  const sent = request(url, { method, headers: { 'User-Agent': 'compare/v1', ...headers } })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const body = (await text(answer)).replace(/'\d{4}-\d\d-\d\d [\d:.]+ \+0000 UTC'/, "'<time>'")
  const { date: _, 'content-length': length, ...rest } = answer.headers
  return {
    status: answer.statusCode ?? 0,
    headers: length === undefined ? rest : { ...rest, 'content-length': '<any>' },
    body: /^application\/json/.test(answer.headers['content-type'] ?? '') && body !== '' ? JSON.parse(body) : body,
  }
}

/**
 * The same answer with each duration replaced by the one at the same place in `other`, where the two are close and of one
 * form. What stays different is a real difference.
 */
export function alignDurations(value: unknown, other: unknown, toleranceMs: number): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      alignDurations(item, Array.isArray(other) ? other[index] : undefined, toleranceMs),
    )
  }
  if (typeof value !== 'object' || value === null) return value
  const others = typeof other === 'object' && other !== null ? (other as Record<string, unknown>) : {}
  const entries = Object.entries(value).map(([key, item]) => {
    const theirs = others[key]
    if (key !== 'duration') return [key, alignDurations(item, theirs, toleranceMs)]
    return [key, isClose(item, theirs, toleranceMs) ? theirs : item]
  })
  return Object.fromEntries(entries)
}

function isClose(ours: unknown, theirs: unknown, toleranceMs: number): boolean {
  if (typeof ours !== 'string' || typeof theirs !== 'string') return false
  const [left, right] = [parseGoDuration(ours), parseGoDuration(theirs)]
  const sameSign = Math.sign(left) === Math.sign(right)
  // Nanoseconds on both sides: rounding must not go unseen.
  const sameForm = ours.includes('.') === theirs.includes('.')
  return sameSign && sameForm && Math.abs(left - right) <= toleranceMs
}
