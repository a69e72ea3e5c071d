/** What CAPI takes as a signal (swagger "prod-capi-v3"), with bounds of ours: nothing real comes near them. */

import { z } from 'zod'
import { parseGoDuration } from '../../decisions/go-duration.js'
import { BouncerError } from '../../errors.js'
import { isAddress } from '../../net/address.js'
import { createPrefix, parsePrefix } from '../../net/prefix.js'
import { quoted } from '../../quoted.js'
import { parseTime } from '../timestamp.js'
import type { Signal } from './signal.js'

const LONGEST_MESSAGE = 4096
const MOST_CONTEXT = 100
const MOST_DECISIONS = 1000

/** Half a character and NUL: JSON can write them, but servers and databases refuse the whole batch for one. */
const unstorable = /[\p{Surrogate}\0]/u

function text(from: number, to: number) {
  const error = `a text of ${from} to ${to} characters without NUL or lone surrogates`
  return z
    .string({ error })
    .refine((value) => value.length >= from && value.length <= to && !unstorable.test(value), { error })
}

function textThat(error: string, test: (value: string) => boolean) {
  return z.string({ error }).refine(test, { error })
}

function number(from: number, to: number) {
  const error = `a number from ${from} to ${to}`
  return z.number({ error }).min(from, { error }).max(to, { error })
}

const wholeNumber = z.int({ error: 'a whole number, 0 or more' }).min(0, { error: 'a whole number, 0 or more' })
const time = textThat('a time with an offset, such as 2024-01-26T10:20:46Z', (value) => parseTime(value) !== null)
const timeOrEmpty = textThat(
  'a time with an offset, such as 2024-01-26T10:20:46Z, or an empty text',
  (value) => value === '' || parseTime(value) !== null,
)
const address = textThat('an IP address', isPlainAddress)
const range = textThat('an IP address or a CIDR', isPlainPrefix)

const source = z
  .strictObject(
    {
      scope: text(1, 64),
      value: text(1, 1024),
      ip: address.optional(),
      range: range.optional(),
      as_number: text(0, 64).optional(),
      as_name: text(0, 255).optional(),
      cn: text(0, 64).optional(),
      latitude: number(-90, 90).optional(),
      longitude: number(-180, 180).optional(),
    },
    { error: expectedObject },
  )
  .superRefine(({ scope, value }, context) => {
    const rule = scope.toLowerCase() === 'ip' ? address : scope.toLowerCase() === 'range' ? range : null
    for (const issue of rule?.safeParse(value).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: ['value'], message: `${issue.message}, as scope is ${scope}` })
    }
  })

const decision = z.strictObject(
  {
    id: wholeNumber,
    uuid: text(0, 64).optional(),
    duration: textThat('a Go duration such as 24h0m0s', (value) => parseGoDuration(value) !== undefined),
    origin: text(1, 255),
    scenario: text(1, 1024),
    scope: text(1, 64),
    type: text(1, 64),
    value: text(1, 1024),
    simulated: z.boolean({ error: 'true or false' }).optional(),
    until: timeOrEmpty.optional(),
  },
  { error: expectedObject },
)

const context = z.strictObject({ key: text(1, 255), value: text(0, LONGEST_MESSAGE) }, { error: expectedObject })

function list<Schema extends z.ZodType>(item: Schema, longest: number) {
  const error = `a list of at most ${longest}`
  return z.array(item, { error }).max(longest, { error })
}

const schema = z.strictObject(
  {
    uuid: text(1, 64),
    machine_id: text(1, 128),
    message: text(0, LONGEST_MESSAGE),
    scenario: text(1, 1024),
    scenario_hash: text(0, 255),
    scenario_version: text(0, 64),
    scenario_trust: text(1, 64),
    source,
    created_at: time,
    start_at: timeOrEmpty,
    stop_at: timeOrEmpty,
    alert_id: wholeNumber.optional(),
    kind: text(1, 64).optional(),
    context: list(context, MOST_CONTEXT),
    decisions: list(decision, MOST_DECISIONS),
  },
  { error: expectedObject },
)

/**
 * The signal as it may go out: null where a field is optional counts as missing, all else stays. Throws `ERR_CSB_SIGNAL` with every
 * problem: the field, what was expected, what came.
 */
export function validateSignal(input: unknown): Signal {
  const { data, error } = schema.safeParse(withoutNulls(input, 3))
  if (error === undefined) return data
  const problems = error.issues.slice(0, MOST_SHOWN).map((issue) => problem(issue, input))
  const more = error.issues.length - problems.length
  if (more > 0) problems.push(`and ${more} more`)
  throw new BouncerError('ERR_CSB_SIGNAL', `Not a signal that CAPI takes: ${problems.join('; ')}`)
}

/** All of them or none: the message names the first that is malformed. */
export function validateSignals(signals: Iterable<unknown>): readonly Signal[] {
  if (!isObject(signals) || !(Symbol.iterator in signals)) {
    throw new BouncerError('ERR_CSB_SIGNAL', `signals: expected a list of signals, got ${whatCame(signals)}`)
  }
  return [...signals].map((signal, index) => {
    try {
      return validateSignal(signal)
    } catch (error) {
      if (!(error instanceof BouncerError)) throw error
      throw new BouncerError(error.code, `signals[${index}]: ${error.message}`, { cause: error })
    }
  })
}

function whatCame(value: unknown): string {
  return isObject(value) && 'machine_id' in value ? 'one signal; put it in [ ]' : shown(value)
}

const MOST_SHOWN = 20

function problem(issue: z.core.$ZodIssue, input: unknown): string {
  const field = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
  const name = field === '' ? 'signal' : field.replace(/^\./, '')
  if (issue.code === 'unrecognized_keys') return `${name}: unknown ${issue.keys.map((key) => shown(key)).join(', ')}`
  const value = issue.path.reduce<unknown>((at, key) => (isObject(at) ? Reflect.get(at, key) : undefined), input)
  // What a visitor sent may be anybody's secret.
  const got = typeof value === 'string' && name.startsWith('context') ? `a text of ${value.length}` : shown(value)
  return `${name}: expected ${issue.message}, got ${got}`
}

/** Other clients send null for what is not known; we leave it out. `depth`: of objects and lists. */
function withoutNulls(value: unknown, depth: number): unknown {
  if (depth === 0 || !isObject(value)) return value
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, depth - 1))
  const fields = Object.entries(value).filter(([, field]) => field !== null && field !== undefined)
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNulls(field, depth - 1)]))
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (isObject(value)) return 'an object'
  if (typeof value !== 'string') return String(value)
  return quoted(value)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function expectedObject({ code }: { readonly code: string }): string | undefined {
  return code === 'invalid_type' ? 'an object' : undefined
}

const scratch = createPrefix()

/** A zone (`%eth0`) means something on one machine only. */
function isPlainAddress(value: string): boolean {
  return isAddress(value) && !value.includes('%')
}

function isPlainPrefix(value: string): boolean {
  return parsePrefix(value, scratch) && !value.includes('%')
}
