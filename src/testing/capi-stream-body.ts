/** The answer of `GET /decisions/stream` in pieces: grouped with links in v3, flat with the lists' own decisions in v2. */

import type { CapiLinks } from './capi-links.js'
import { type CapiLists, listText } from './capi-lists.js'
import { inPieces } from './text-pieces.js'

/** What a pull asks for, and where the links lead. */
export interface CapiPull {
  readonly lists: CapiLists
  readonly links: CapiLinks
  /** Of the links, without a trailing slash. */
  readonly origin: string
  /** False with `community_pull=false`: no decision, new or deleted. */
  readonly community: boolean
  /** False with `additional_pull=false`: no blocklist, no allowlist. */
  readonly additional: boolean
}

export function groupedBody(pull: CapiPull): Generator<string> {
  return inPieces(grouped(pull))
}

/** Allowlists came with v3. */
export function flatBody(pull: CapiPull): Generator<string> {
  return inPieces(flat(pull))
}

function* grouped({ lists, links, origin, community, additional }: CapiPull): Generator<string> {
  const groups = community ? [...lists.community()].filter(({ decisions }) => decisions.size > 0) : []
  yield '{"new":'
  yield* jsonArray(groups, function* ({ scenario, scope, decisions }) {
    yield `{"scenario":${JSON.stringify(scenario)},"scope":${JSON.stringify(scope)},"decisions":`
    yield* jsonArray(decisions, ([value, duration]) => [JSON.stringify({ value, duration })])
    yield '}'
  })
  const deleted = community ? [...lists.deleted()].filter(([, values]) => values.size > 0) : []
  const toGroup = ([scope, values]: readonly [string, ReadonlySet<string>]) => ({ scope, decisions: [...values] })
  yield `,"deleted":${JSON.stringify(deleted.map(toGroup))}`
  // Any section may be absent; this one is.
  if (additional) yield `,"links":${JSON.stringify(linksOf(lists, links, origin))}`
  yield '}'
}

function linksOf(lists: CapiLists, links: CapiLinks, origin: string): object {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    blocklists: [...lists.blocklists.values()].map(({ content: { name, ...list } }) => ({
      name,
      url: list.url ?? links.urlOf('blocklists', name, origin),
      remediation: list.remediation ?? 'ban',
      scope: list.scope ?? 'ip',
      duration: list.duration ?? '24h',
    })),
    allowlists: [...lists.allowlists.values()].map(({ content: { name, description = '', url }, ...times }) => ({
      name,
      description,
      url: url ?? links.urlOf('allowlists', name, origin),
      id: Buffer.from(name).toString('hex'),
      created_at: iso(times.createdAt),
      updated_at: iso(times.updatedAt),
    })),
  }
}

function* flat(pull: CapiPull): Generator<string> {
  yield '{"new":'
  yield* jsonArray(flatNew(pull), (decision) => [JSON.stringify(decision)])
  yield ',"deleted":'
  yield* jsonArray(flatDeleted(pull), (decision) => [JSON.stringify(decision)])
  yield '}'
}

function* flatNew({ lists, community, additional }: CapiPull): Generator<object> {
  for (const { scenario, scope, decisions } of community ? lists.community() : []) {
    for (const [value, duration] of decisions) yield { duration, origin: 'CAPI', scenario, scope, type: 'ban', value }
  }
  for (const { content } of additional ? lists.blocklists.values() : []) {
    const { name: scenario, remediation: type = 'ban', scope = 'ip', duration = '24h' } = content
    for (const value of [...listText(content)].join('').split('\n')) {
      if (value !== '') yield { duration, origin: 'lists', scenario, scope, type, value }
    }
  }
}

function* flatDeleted({ lists, community }: CapiPull): Generator<object> {
  for (const [scope, values] of community ? lists.deleted() : []) {
    for (const value of values) yield { duration: '0s', origin: 'CAPI', scenario: 'deleted', scope, type: 'ban', value }
  }
}

function* jsonArray<Item>(items: Iterable<Item>, write: (item: Item) => Iterable<string>): Generator<string> {
  yield '['
  let first = true
  for (const item of items) {
    if (!first) yield ','
    first = false
    yield* write(item)
  }
  yield ']'
}
