/** What a FakeCapi hands out: the community's list, what was taken back from it, and the blocklists and allowlists that it links to. */

export interface CommunityDecision {
  readonly value: string
  /** Default `crowdsecurity/ssh-bf`. */
  readonly scenario?: string
  /** Default `ip`. */
  readonly scope?: string
  /** A Go duration, sent as it is with every pull. Default `168h`. */
  readonly duration?: string
}

/** What stands behind a link. Iterated anew at each download, so that a list of any size can be made while it leaves. */
export type ListContent =
  /** One value a line. */
  | { readonly values: Iterable<string> }
  /** Any text, for lists that are not as they should be. */
  | { readonly body: string | (() => Iterable<string>) }

export type Blocklist = ListContent & {
  readonly name: string
  /** Default `ban`. */
  readonly remediation?: string
  /** Default `ip`. */
  readonly scope?: string
  /** A Go duration. Default `24h`. */
  readonly duration?: string
  /** Another address for the link. Default: this server, with a signature that it checks. */
  readonly url?: string
}

export interface AllowlistEntry {
  readonly value: string
  readonly description?: string
  readonly created_at?: string
  readonly expiration?: string
}

/** Entries are JSON, one a line; a bare text is a value. */
export type Allowlist = { readonly name: string; readonly description?: string; readonly url?: string } & (
  | { readonly entries: Iterable<string | AllowlistEntry> }
  | { readonly body: string | (() => Iterable<string>) }
)

export type ListKind = 'blocklists' | 'allowlists'

export interface LinkedList<Content> {
  readonly content: Content
  /** Unix milliseconds. */
  readonly createdAt: number
  readonly updatedAt: number
}

export interface DecisionGroup {
  readonly scenario: string
  readonly scope: string
  readonly decisions: Map<string, string>
}

export class CapiLists {
  /** Value to duration, by scenario and scope, as v3 sends them. */
  #community = new Map<string, DecisionGroup>()
  /** Values by scope. */
  readonly #deleted = new Map<string, Set<string>>()
  readonly blocklists = new Map<string, LinkedList<Blocklist>>()
  readonly allowlists = new Map<string, LinkedList<Allowlist>>()

  setCommunity(decisions: Iterable<CommunityDecision>): void {
    this.#community = new Map()
    for (const { value, scenario = 'crowdsecurity/ssh-bf', scope = 'ip', duration = '168h' } of decisions) {
      const key = `${scenario} ${scope}`
      const group = this.#community.get(key) ?? { scenario, scope, decisions: new Map<string, string>() }
      this.#community.set(key, group)
      group.decisions.set(value, duration)
      this.#deleted.get(scope)?.delete(value)
    }
  }

  /** Off the community's list, and among the deletions of every pull until the value is set again. */
  delete(value: string, scope: string): void {
    for (const group of this.#community.values()) if (group.scope === scope) group.decisions.delete(value)
    const values = this.#deleted.get(scope) ?? new Set()
    this.#deleted.set(scope, values.add(value))
  }

  community(): Iterable<DecisionGroup> {
    return this.#community.values()
  }

  deleted(): Iterable<readonly [scope: string, values: ReadonlySet<string>]> {
    return this.#deleted
  }

  addBlocklist(list: Blocklist, now: number): void {
    place(this.blocklists, list, now)
  }

  addAllowlist(list: Allowlist, now: number): void {
    place(this.allowlists, list, now)
  }
}

/** The text behind a link. */
export function* listText(list: Blocklist | Allowlist): Generator<string> {
  if ('values' in list) for (const value of list.values) yield `${value}\n`
  else if ('entries' in list) for (const entry of list.entries) yield `${JSON.stringify(entryOf(entry))}\n`
  else if (typeof list.body === 'string') yield list.body
  else yield* list.body()
}

function place<Content extends { readonly name: string }>(
  lists: Map<string, LinkedList<Content>>,
  content: Content,
  now: number,
): void {
  const createdAt = lists.get(content.name)?.createdAt ?? now
  lists.set(content.name, { content, createdAt, updatedAt: now })
}

function entryOf(entry: string | AllowlistEntry): AllowlistEntry {
  return typeof entry === 'string' ? { value: entry } : entry
}
