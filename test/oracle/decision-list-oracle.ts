/** The slow twin of the decision store: a list, searched from end to end with ipaddr.js. Time is a number that tests set. */

import ipaddr from 'ipaddr.js'
import type { Identity } from '../../src/decisions/row-identity.js'
import type { WireDecision } from '../../src/decisions/wire-decision.js'
import { oracleCovers, oracleParse } from './linear-matcher.js'

interface Held {
  readonly decision: WireDecision
  readonly expires: number
}

const SEVERITY = ['ban', 'captcha', 'throttle']

/** Durations in these tests are written in whole seconds: `90s`. */
function secondsOf(duration: string): number {
  return Number(/^(-?\d+)s$/.exec(duration)?.[1])
}

export class DecisionListOracle {
  readonly #held = new Map<string, Held>()
  readonly #identity: Identity

  constructor(identity: Identity) {
    this.#identity = identity
  }

  put(decision: WireDecision, now: number): void {
    const key = this.#keyOf(decision)
    const seconds = secondsOf(decision.duration)
    if (seconds <= 0) this.#held.delete(key)
    else this.#held.set(key, { decision, expires: now + seconds })
  }

  remove(decision: WireDecision): void {
    this.#held.delete(this.#keyOf(decision))
  }

  /** A change of a list that is stated as a whole: what it does not bring is gone. */
  replace(
    brought: readonly WireDecision[],
    now: number,
    isReplaced: (origin: string, scenario: string) => boolean,
  ): void {
    for (const decision of brought) this.put(decision, now)
    const kept = new Set(brought.map((decision) => this.#keyOf(decision)))
    for (const [key, { decision }] of this.#held) {
      if (!kept.has(key) && isReplaced(decision.origin, decision.scenario)) this.#held.delete(key)
    }
  }

  /** The types of all decisions in force on an address, the most severe first. */
  typesOn(address: string, now: number): string[] {
    return [...this.#held.values()]
      .filter(({ decision, expires }) => expires > now && covers(decision, address))
      .map(({ decision }) => decision.type)
      .sort((a, b) => rank(a) - rank(b))
  }

  inForce(now: number): number {
    return [...this.#held.values()].filter(({ expires }) => expires > now).length
  }

  #keyOf({ scope, value, type, id, origin, scenario }: WireDecision): string {
    const known = scope.toLowerCase()
    const canonical = known === 'ip' || known === 'range' ? known : scope
    const own = { value: [], id: [id], list: origin === 'lists' ? [origin, scenario] : [origin] }
    return JSON.stringify([canonical, value, type, ...own[this.#identity]])
  }
}

export function rank(type: string): number {
  const index = SEVERITY.indexOf(type)
  return index === -1 ? SEVERITY.length : index
}

function covers({ scope, value }: WireDecision, address: string): boolean {
  if (!/^(ip|range)$/i.test(scope)) return false
  if (value.includes('-')) {
    const [first = '', last = ''] = value.split('-')
    return between(first, address, last)
  }
  const [base = '', length] = value.split('/')
  const parsed = oracleParse(base)
  if (parsed === null) return false
  const isIpv4 = parsed.kind() === 'ipv4'
  const bits = length === undefined ? (isIpv4 ? 32 : 128) : Number(length) - (isIpv4 && base.includes(':') ? 96 : 0)
  return oracleCovers(`${parsed.toString()}/${bits}`, address)
}

function between(first: string, address: string, last: string): boolean {
  const [low, middle, high] = [first, address, last].map((text) => oracleParse(text)?.toByteArray() ?? [])
  if (low.length !== middle.length) return false
  const compare = (a: number[], b: number[]) => Buffer.compare(Buffer.from(a), Buffer.from(b))
  return compare(low, middle) <= 0 && compare(middle, high) <= 0
}

/** The text of a 32-bit word, for tests that make up addresses. */
export function ipv4Text(word: number): string {
  return ipaddr.fromByteArray([word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]).toString()
}
