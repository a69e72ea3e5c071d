/** The kinds of value that options hold, as zod schemas from what a person may write to what the code works with. */

import { z } from 'zod'
import { parseBaseUrl } from '../../http/base-url.js'
import { readTrustedProxy, type TrustedProxies } from '../../net/client-address.js'
import { readPrefixes } from '../../net/prefix-set.js'
import { parseDuration } from './duration.js'
import { type ListenAddress, parseListenAddress } from './listen-address.js'
import { Secret } from './secret.js'

const shortest = 100
// Timers of Node count in 31 bits: anything above 24.8 days would fire at once.
const longest = 24 * 86_400_000

/** Why a value was refused, where "expected ..., got ..." alone would leave a person guessing. */
interface Refusal {
  readonly input: unknown
  readonly why?: string
  readonly path?: (string | number)[]
}

export function refuse(context: z.RefinementCtx, { input, why, path = [] }: Refusal): void {
  context.addIssue({ code: 'custom', path, input, ...(why === undefined ? {} : { params: { why } }) })
}

/** For a list of things that are told apart by name. */
export function refuseNamesakes(list: readonly { readonly name: string }[], context: z.RefinementCtx): void {
  const names = list.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) refuse(context, { input: list, why: `two are named ${JSON.stringify(twice)}` })
}

/** What an option that takes one says that it accepts, here and below. */
export const durationText = 'a duration of 100ms to 24d such as 10s, 1h30m or 1d, or milliseconds as a number'

/** To milliseconds. A number is milliseconds already. */
export const duration = z.union([z.string(), z.number()]).transform((value, context): number => {
  const milliseconds = typeof value === 'number' ? value : parseDuration(value.trim())
  if (milliseconds !== null && milliseconds >= shortest && milliseconds <= longest) return Math.round(milliseconds)
  refuse(context, { input: value, ...whyNoDuration(value, milliseconds) })
  return z.NEVER
})

/** 0, which is no `duration`, where it has a meaning of its own. */
export const zero = z.literal([0, '0', '0s']).transform(() => 0)

/** To milliseconds, 0 for never. CrowdSec asks for ten minutes at least between two reports. */
export const interval = z.union([zero, duration.refine((value) => value >= 600_000)])

function whyNoDuration(value: string | number, milliseconds: number | null): { readonly why?: string } {
  if (milliseconds === null) return /^\s*[\d.]+\s*$/.test(String(value)) ? { why: 'the unit is missing' } : {}
  if (milliseconds > longest) return { why: 'too long' }
  return { why: typeof value === 'number' ? 'too short; a number counts milliseconds' : 'too short' }
}

/** To a base URL without a slash at its end, a path prefix stays; or to a unix socket as `unix:/path`. */
export const httpUrl = z.string().transform((value, context): string => {
  const base = parseBaseUrl(value)
  if (base === null) {
    refuse(context, { input: value })
    return z.NEVER
  }
  if (base.socketPath !== null) return base.target
  const why = whyNotBaseUrl(base.url)
  if (why !== null) refuse(context, { input: value, why })
  return base.url.href.replace(/\/+$/, '')
})

function whyNotBaseUrl(url: URL): string | null {
  if (url.username !== '' || url.password !== '') return 'user information in the URL is refused'
  if (url.search !== '' || url.hash !== '') return 'a query or fragment has no meaning here'
  return null
}

export const listText = 'a list of texts, or one text with commas between them'

/** To a list of texts. The LAPI takes lists joined by commas, so no item can hold one. */
export const textList = z
  .custom<string | readonly string[]>((value) => typeof value === 'string' || Array.isArray(value))
  .transform((value, context): readonly string[] => {
    if (typeof value === 'string') return value.split(',').map(trimmed).filter(isNotEmpty)
    for (const [index, item] of value.entries()) {
      const why = whyNotListItem(item)
      if (why !== null) refuse(context, { path: [index], input: item, why })
    }
    return value.map((item) => (typeof item === 'string' ? item.trim() : item))
  })

function whyNotListItem(item: unknown): string | null {
  if (typeof item !== 'string') return 'each item is text; put it in quotes'
  if (item.trim() === '') return 'an empty item'
  if (item.includes(',')) return 'an item holds no comma'
  return null
}

/** A list with at least one item and none of them twice. */
export const distinctTextList = textList.superRefine((list, context) => {
  if (list.length === 0) refuse(context, { input: list, why: 'the list is empty' })
  if (new Set(list).size !== list.length) refuse(context, { input: list, why: 'an item appears twice' })
})

/** To a `Secret`. Only what fits into an HTTP header, or the key would first fail, unexplained, inside a request. */
export const secretText = z
  .union([z.string().regex(/^[\x21-\x7e]+$/), z.instanceof(Secret)])
  .transform((value) => (typeof value === 'string' ? new Secret(value) : value))

/** Several LAPIs, each with a name and a key of its own. */
export const lapiList = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[\w.-]+$/),
      apiUrl: httpUrl,
      apiKey: secretText,
      liveApiKey: secretText.optional(),
    }),
  )
  .superRefine(refuseNamesakes)
  .readonly()

export const yesOrNoText = '`true` or `false`'

export const yesOrNo = z.stringbool().or(z.boolean())

/** A path, not yet looked at. */
export const filePath = z.string().min(1)

/** To host and port. A number is a port. */
export const listenAddress = z.union([z.string(), z.number()]).transform((value, context): ListenAddress => {
  const address = parseListenAddress(String(value).trim())
  if (address === null) {
    refuse(context, { input: value })
    return z.NEVER
  }
  return address
})

/** Addresses, CIDRs and `first-last` ranges, as texts that `readPrefixes` reads. */
export const prefixList = textList.superRefine((texts, context) => {
  for (const [index, text] of texts.entries()) {
    if (readPrefixes(text) === null) refuse(context, { path: [index], input: text })
  }
})

/** A number of hops, or networks; see `readTrustedProxy`. */
export const trustedProxies = z.union([
  z.number().int().min(0).max(32),
  textList.transform((texts, context): TrustedProxies => {
    if (texts.length === 1 && /^\d{1,2}$/.test(texts[0])) return Number(texts[0])
    for (const [index, text] of texts.entries()) {
      if (readTrustedProxy(text) === null) refuse(context, { path: [index], input: text })
    }
    return texts
  }),
])

/** Names to actions. In the environment: `name=action` pairs with commas between them. */
export const actionMap = z
  .union([z.string(), z.record(z.string(), z.string().min(1))])
  .transform((value, context): Readonly<Record<string, string>> => {
    if (typeof value !== 'string') return value
    const pairs = value.split(',').map((pair) => pair.split('=').map(trimmed))
    if (!pairs.every((pair) => pair.length === 2 && pair.every(isNotEmpty))) {
      refuse(context, { input: value, why: 'expected name=action pairs' })
      return z.NEVER
    }
    return Object.fromEntries(pairs)
  })

function trimmed(text: string): string {
  return text.trim()
}

function isNotEmpty(text: string): boolean {
  return text !== ''
}
