/** The answer of `GET /v3/decisions/stream`, checked: what is well-formed in it is taken, what is not is counted. */

import { z } from 'zod'
import type { SlicedJson } from '../../json/json-slices.js'
import type { CapiDecisions } from './capi-decisions.js'

const blocklist = z.object({
  name: z.string(),
  url: z.string(),
  remediation: z.string(),
  scope: z.string(),
  duration: z.string(),
})

const extra = z.string().optional().catch(undefined)
const allowlist = z.object({
  name: z.string(),
  url: z.string(),
  id: extra,
  description: extra,
  created_at: extra,
  updated_at: extra,
})

const list = z.array(z.unknown()).nullish()
const document = z
  .object({
    new: list,
    deleted: list,
    links: z.object({ blocklists: list, allowlists: list }).nullish(),
  })
  // Without any of them it is something else, such as the message of a failure, and not a list on which nobody is any more.
  .refine((answer) => 'new' in answer || 'deleted' in answer || 'links' in answer)

/** The number of a list in `SlicedJson`. */
const numbered = z.tuple([z.number()]).nullish()
// With a value of its own it would be a decision of version 2, not a group without any.
const group = { scope: z.string(), decisions: numbered, value: z.undefined().optional() }
const newGroup = z.object({ ...group, scenario: z.string() })
const deletedGroup = z.object(group)

/**
 * Null where the answer is none of CAPI's: no section at all, one that is no list, or nothing in it that could be read. A section may
 * be missing or null.
 */
export function readDecisions({ frame, lists }: SlicedJson): CapiDecisions | null {
  const { success, data } = document.safeParse(frame)
  if (!success) return null
  let skipped = 0
  let taken = 0
  const keep = <Item>(
    items: readonly unknown[] | null | undefined,
    isItem: (item: unknown) => item is Item,
  ): readonly Item[] => {
    const all = items ?? []
    const kept = all.every(isItem) ? all : all.filter(isItem)
    skipped += all.length - kept.length
    taken += kept.length
    return kept
  }
  const wellFormed = <Shape extends z.ZodType>(
    groups: readonly unknown[] | null | undefined,
    shape: Shape,
  ): z.output<Shape>[] => {
    const parsed = (groups ?? []).map((item) => shape.safeParse(item))
    const good = parsed.filter((result) => result.success)
    skipped += parsed.length - good.length
    taken += good.length
    return good.map((result) => result.data)
  }
  const listOf = (marker: readonly [number] | null | undefined) => (marker ? lists[marker[0]] : [])
  const links = data.links
  const decisions = {
    new: wellFormed(data.new, newGroup).map(({ scenario, scope, decisions }) => {
      return { scenario, scope, decisions: keep(listOf(decisions), isDecision) }
    }),
    deleted: wellFormed(data.deleted, deletedGroup).map(({ scope, decisions }) => {
      return { scope, decisions: keep(listOf(decisions), isText) }
    }),
    hasLinks: links !== null && links !== undefined,
    blocklists: wellFormed(links?.blocklists, blocklist),
    allowlists: wellFormed(links?.allowlists, allowlist),
  }
  return skipped > 0 && taken === 0 ? null : { ...decisions, skipped }
}

/** By hand and not by zod, and taken as it is: there may be a million. */
function isDecision(item: unknown): item is { readonly value: string; readonly duration: string } {
  if (typeof item !== 'object' || item === null || !('value' in item) || !('duration' in item)) return false
  return typeof item.value === 'string' && typeof item.duration === 'string'
}

function isText(item: unknown): item is string {
  return typeof item === 'string'
}
