/**
 * The blocklists and allowlists that an answer of CAPI links to. Each stands for itself: what one of them says or fails to say
 * changes nothing about another.
 */

import { CapiError } from '../capi/capi-error.js'
import type { AllowlistLink, BlocklistLink } from '../capi/decisions/capi-decisions.js'
import type { LinkedLists } from '../capi/decisions/linked-lists.js'
import type { MonotonicClock } from '../decisions/clock.js'
import { parseGoDuration } from '../decisions/go-duration.js'
import { LONGEST_SCENARIO } from '../decisions/text-limits.js'
import type { DecisionChange } from '../decisions/wire-decision.js'
import type { Logger } from '../logger.js'
import { quoted } from '../quoted.js'
import { errorOf } from '../thrown.js'
import type { AllowlistTarget } from './linked-allowlists.js'
import { type HeldCopy, LinkedCopies } from './linked-copies.js'
import { ListReading } from './list-reading.js'
import { shownName, unusableList } from './unusable-list.js'

export interface CapiLinksOptions {
  readonly lists: Pick<LinkedLists, 'download'>
  readonly allowlists: AllowlistTarget
  /** Milliseconds from one pull to the next at most. */
  readonly pullInterval: number
  readonly clock: MonotonicClock
  readonly logger: Logger
}

/** A copy that is over this soon after the next pull is fetched again now: the next pull may be late. */
const RESERVE = 15 * 60_000

/** The links of one answer, and what came of them. */
export class LinksPull {
  /** Blocklists to note as held once the change is complete. */
  readonly fresh = new Map<string, HeldCopy>()
  readonly failures: Error[] = []
  readonly signal: AbortSignal
  /** Whether there are decisions that an empty blocklist could take away. */
  readonly hasHeld: boolean
  /** Whether a list that is not among the links is one that was given up, and not one that could not be read or was left out. */
  readonly isComplete: boolean
  /** Whether there are blocklists that would go, were it sure that CAPI links to none any more. */
  keepsInDoubt = false

  constructor(signal: AbortSignal, state: { readonly hasHeld: boolean; readonly isComplete: boolean }) {
    this.signal = signal
    this.hasHeld = state.hasHeld
    this.isComplete = state.isComplete
  }

  /** Takes note of what one list failed with, unless all of it is given up. */
  fail(error: unknown): void {
    if (this.signal.aborted) throw error
    this.failures.push(errorOf(error, 'ERR_CSB_SOURCE'))
  }
}

export class CapiLinks {
  readonly #options: CapiLinksOptions
  readonly #blocklists = new LinkedCopies()
  readonly #allowlists = new LinkedCopies()
  /** What was told of each list's bad lines, so that it is not told with every pull. */

  constructor(options: CapiLinksOptions) {
    this.#options = options
  }

  async takeAllowlists(links: readonly AllowlistLink[], pull: LinksPull): Promise<void> {
    const known = distinct(links, pull)
    for (const link of known.values()) {
      try {
        await this.#takeAllowlist(link, pull)
      } catch (error) {
        pull.fail(error)
      }
    }
    if (!pull.isComplete) return
    const names = new Set(known.keys())
    const { allowlists } = this.#options
    if (!this.#allowlists.areGoneAgain(names.size) && names.size === 0 && allowlists.held > 0) {
      pull.fail(gone('allowlist'))
      return
    }
    this.#allowlists.keep(names)
    await allowlists.keep(names)
  }

  async #takeAllowlist({ name, url }: AllowlistLink, pull: LinksPull): Promise<void> {
    const { lists, allowlists } = this.#options
    const now = Date.now()
    const since = this.#allowlists.since(name, '', 0)
    const text = await lists.download({ name, url, since, signal: pull.signal })
    if (text === null) return
    const reading = new ListReading(text)
    const { held } = allowlists
    const verify = () => this.#verify(name, reading, this.#allowlists, held > 0)
    await allowlists.replace(name, allOrNothing(reading.entries(now), verify))
    this.#allowlists.note(name, { since: now, until: Number.POSITIVE_INFINITY, terms: '' })
  }

  /**
   * What the blocklists change, one download at a time. A list that came is replaced as a whole. One that CAPI no longer links
   * to goes at once, unless it links to none at all: whoever gave up a subscription, perhaps because it blocked the wrong
   * visitors, expects to be rid of it.
   */
  async *changes(links: readonly BlocklistLink[], pull: LinksPull): AsyncGenerator<DecisionChange> {
    const known = distinct(links, pull)
    for (const link of known.values()) {
      try {
        yield* this.#blocklist(link, pull)
      } catch (error) {
        pull.fail(error)
      }
    }
    if (pull.isComplete && !this.#blocklists.areGoneAgain(known.size) && known.size === 0) {
      yield {
        replaces: (origin) => {
          if (origin === 'lists') pull.keepsInDoubt = true
          return false
        },
      }
      return
    }
    const isGone = (list: string) => pull.isComplete && !known.has(list)
    yield { replaces: (origin, list) => origin === 'lists' && (pull.fresh.has(list) || isGone(list)) }
    if (pull.isComplete) this.#blocklists.keep(new Set(known.keys()))
  }

  /** The change with these lists is in force. */
  settle(pull: LinksPull): void {
    if (pull.keepsInDoubt) pull.fail(gone('blocklist'))
    for (const [name, copy] of pull.fresh) this.#blocklists.note(name, copy)
  }

  async *#blocklist(link: BlocklistLink, pull: LinksPull): AsyncGenerator<DecisionChange> {
    const { lists, clock, pullInterval } = this.#options
    const { name, url, scope, remediation, duration } = link
    const milliseconds = parseGoDuration(duration) ?? 0
    if (milliseconds <= 0) throw unusableList(name, `its duration is ${quoted(duration)}`)
    const [now, tick] = [Date.now(), clock()]
    const terms = JSON.stringify([scope, remediation, duration])
    const since = this.#blocklists.since(name, terms, tick + pullInterval + RESERVE)
    const text = await lists.download({ name, url, since, signal: pull.signal })
    if (text === null) return
    const reading = new ListReading(text)
    yield { new: reading.decisions(link) }
    this.#verify(name, reading, this.#blocklists, pull.hasHeld)
    pull.fresh.set(name, { since: now, until: tick + milliseconds, terms })
  }

  /** Throws where a list has nothing in it that could be used; what is held is then better. */
  #verify(name: string, reading: ListReading, copies: LinkedCopies, hasHeld: boolean): void {
    reading.requireEntry(name)
    const { good, bad, firstBad } = reading
    const isEmptyAgain = copies.isEmptyAgain(name, good)
    if (good === 0 && hasHeld && !isEmptyAgain) {
      throw unusableList(name, 'it is empty, which the next pull must confirm')
    }
    const told = `The list ${shownName(name)}: ${bad} of ${good + bad} lines are skipped, the first is ${firstBad}`
    if (copies.isNews(name, bad > 0 ? told : null)) this.#options.logger.warn(told)
  }
}

/** By name. Two of one name could not be told apart when one of them is replaced. */
function distinct<Link extends { readonly name: string }>(
  links: readonly Link[],
  pull: LinksPull,
): ReadonlyMap<string, Link> {
  const known = new Map<string, Link>()
  for (const link of links) {
    const { name } = link
    if (known.has(name)) pull.fail(unusableList(name, 'another list has the same name'))
    else if (name === '' || name.length > LONGEST_SCENARIO) pull.fail(unusableList(name, 'a bad name'))
    else known.set(name, link)
  }
  return known
}

/** Throws after the last one if `verify` does, so that whoever takes them as a whole takes none. */
function* allOrNothing<Item>(items: Iterable<Item>, verify: () => void): Generator<Item> {
  yield* items
  verify()
}

function gone(kind: 'blocklist' | 'allowlist'): CapiError {
  return new CapiError('ERR_CSB_CAPI_LINK', `CAPI links to no ${kind} any more, which the next pull must confirm`)
}
