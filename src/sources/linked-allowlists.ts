/**
 * The allowlists that CAPI links to: who is on one is let pass, whatever any source says. Held like decisions, since they end,
 * are replaced list by list, cover ranges and outlive a restart like these; nothing is allocated to look an address up.
 */

import { type MonotonicClock, processClock } from '../decisions/clock.js'
import type { DecisionStore } from '../decisions/decision-store.js'
import { Severity } from '../decisions/severity.js'
import type { WireDecision } from '../decisions/wire-decision.js'
import type { Logger } from '../logger.js'
import { type AddressWords, createAddressWords, type Family, parseAddress } from '../net/address.js'
import { quoted } from '../quoted.js'
import { SnapshotKeeper } from './snapshot-keeper.js'
import { StoreSink } from './store-sink.js'

export interface AllowlistEntry {
  /** An address, a CIDR or `first-last`. */
  readonly value: string
  /** Milliseconds from now; null where it never ends. */
  readonly duration: number | null
}

/** What a source of allowlists does with them. */
export interface AllowlistTarget {
  /** How many entries are in force. */
  readonly held: number
  /** States the whole of one list. If the iteration throws, nothing of the old list is lost. */
  replace(list: string, entries: Iterable<AllowlistEntry>): Promise<void>
  /** Drops the lists that are none of these: comes after the last `replace` of a pull. */
  keep(lists: ReadonlySet<string>): Promise<void>
}

export interface LinkedAllowlistsOptions {
  readonly logger: Logger
  /** See `ConnectedSourceOptions`. */
  readonly snapshot: { readonly path: string; readonly interval: number } | null
  /** What the snapshot depends on: whose lists these are. */
  readonly settings: string
  readonly clock?: MonotonicClock
}

/** Ten years: the store counts no further than thirteen. */
const FOREVER = 87_600 * 3_600_000

export class LinkedAllowlists implements AllowlistTarget {
  readonly #sink: StoreSink
  readonly #snapshots: SnapshotKeeper | null
  readonly #words = createAddressWords()

  constructor({ logger, snapshot, settings, clock = processClock }: LinkedAllowlistsOptions) {
    this.#sink = new StoreSink(
      { identity: 'list', severity: new Severity(), clock },
      {
        synced: ({ added, removed }) => {
          if (added + removed > 0) this.#snapshots?.noteChange()
        },
        failed: () => {},
        refused: ({ value }, reason) =>
          logger.warn(`An entry of an allowlist is skipped (${reason}): ${quoted(value, 100)}`),
      },
    )
    const id = JSON.stringify(['allowlists', settings])
    this.#snapshots = snapshot === null ? null : new SnapshotKeeper({ ...snapshot, settings: id, logger }, this.#sink)
  }

  get held(): number {
    return this.#sink.held
  }

  /** To be swept like those of decisions. */
  get store(): DecisionStore {
    return this.#sink.store
  }

  has(address: string): boolean {
    return this.hasWords(parseAddress(address, this.#words), this.#words)
  }

  hasWords(family: Family, words: AddressWords): boolean {
    const { store } = this.#sink
    return store.size > 0 && store.matcher.match(family, words) !== 0
  }

  async replace(list: string, entries: Iterable<AllowlistEntry>): Promise<void> {
    await this.#sink.apply({ new: rowsOf(list, entries), replaces: (_, scenario) => scenario === list })
  }

  async keep(lists: ReadonlySet<string>): Promise<void> {
    await this.#sink.apply({ replaces: (_, scenario) => !lists.has(scenario) })
    this.#snapshots?.noteFullSync()
  }

  /** Puts in force what the last run knew. Never rejects. */
  async load(): Promise<void> {
    await this.#snapshots?.load()
  }

  async stop(): Promise<void> {
    await this.#snapshots?.stop()
  }
}

function* rowsOf(list: string, entries: Iterable<AllowlistEntry>): Generator<WireDecision> {
  for (const { value, duration } of entries) {
    const milliseconds = Math.min(duration ?? FOREVER, FOREVER)
    // The origin makes the list part of what tells two entries apart.
    yield { origin: 'lists', type: 'allow', scope: 'Ip', value, duration: `${milliseconds}ms`, scenario: list }
  }
}
