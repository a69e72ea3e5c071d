/** `capi decisions`: pulls the decisions once and prints them. Keeps nothing, and applies no allowlist. */

import { type BlocklistLink, flatDecisions, type WireDecision } from '../../capi-client.js'
import { messageOf } from '../../thrown.js'
import { type CapiSession, chosenMachine } from './capi-session.js'
import type { ListFormat } from './output.js'

export interface DecisionsFlags {
  /** `false`: `--no-community`. */
  readonly community: boolean
  readonly additional: boolean
  readonly lists?: boolean
  readonly machine?: string
}

/** 0: all is printed, 1: a linked list could not be had. */
export async function decisions(session: CapiSession, flags: DecisionsFlags): Promise<number> {
  const { client, configuration, output } = session
  const machineId = await chosenMachine(session, flags.machine)
  output.progress('pulling the decisions')
  const pulled = await client.getDecisions(machineId, {
    communityPull: flags.community && configuration.capiCommunityPull,
    additionalPull: flags.additional && configuration.capiAdditionalPull,
  })
  const { blocklists, allowlists } = pulled
  const all = [...flatDecisions(pulled)]
  const deleted = pulled.deleted.reduce((sum, group) => sum + group.decisions.length, 0)
  const notes = [
    `decisions: ${all.length}, taken back: ${deleted}, blocklists: ${blocklists.length}, allowlists: ${allowlists.length}`,
  ]
  let missing = 0
  for (const link of blocklists) {
    const state = flags.lists === true ? await addListed(session, link, all) : 'not downloaded'
    if (state === 'missing') missing++
    notes.push(`blocklist ${link.name} (${link.remediation}, ${link.scope}, ${link.duration}): ${state}`)
  }
  output.list(all, format)
  for (const note of notes) output.note(note)
  return missing === 0 ? 0 : 1
}

/** What became of a linked list. Never shows its URL, which is signed for anybody who has it. */
async function addListed({ client, output }: CapiSession, link: BlocklistLink, all: WireDecision[]): Promise<string> {
  const { name: scenario, remediation: type, scope, duration } = link
  output.progress(`downloading the blocklist ${scenario}`)
  const before = all.length
  try {
    for (const value of (await client.downloadBlocklist(link)) ?? []) {
      all.push({ origin: 'lists', type, scope, value, duration, scenario })
    }
    return `${all.length - before} decisions`
  } catch (error) {
    output.note(`warning: ${messageOf(error)}`)
    return 'missing'
  }
}

const format: ListFormat<WireDecision> = {
  header: ['value', 'scope', 'type', 'scenario', 'origin', 'duration'],
  row: ({ value, scope, type, scenario, origin, duration }) => [value, scope, type, scenario, origin, duration],
  document: (decision) => decision,
}
