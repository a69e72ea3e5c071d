/** Random decision streams, harm to them, and how JSON.parse reads them: the slow twin of the stream parser. */

import fc from 'fast-check'
import type { WireDecision } from '../../src/decisions/wire-decision.js'
import type { DecisionBatch } from '../../src/lapi/stream-parser.js'

/** Numbers in a twin text are strings that begin with this, so that JSON.parse does not round them. */
const NUMBER = '\ue000'

/** What the parser should give for a document of marked numbers. */
export function naiveReading(document: unknown): DecisionBatch {
  if (document === null) return { deleted: [], new: [] }
  if (typeof document !== 'object' || Array.isArray(document)) throw new Error('not an object')
  const list = (value: unknown = null) => {
    if (value !== null && !Array.isArray(value)) throw new Error('not a list')
    return (value ?? []).map(naiveDecision)
  }
  const { deleted, new: fresh } = document as { deleted?: unknown; new?: unknown }
  return { deleted: list(deleted), new: list(fresh) }
}

function naiveDecision(element: unknown): WireDecision {
  const fields: Record<string, unknown> = typeof element === 'object' && !Array.isArray(element) ? { ...element } : {}
  const text = (name: string) => {
    const value = fields[name]
    return typeof value === 'string' && !value.startsWith(NUMBER) ? value : ''
  }
  const number = typeof fields['id'] === 'string' ? fields['id'] : ''
  const digits = /^\ue000(0|[1-9]\d{0,19})$/.exec(number)?.[1]
  return {
    id: digits === undefined ? undefined : Number.isSafeInteger(Number(digits)) ? Number(digits) : digits,
    origin: text('origin'),
    type: text('type'),
    scope: text('scope'),
    value: text('value'),
    duration: text('duration'),
    scenario: text('scenario'),
  }
}

/** The same for bytes, with the error as text where there is one. Ids are rounded or missing: compare without them. */
export function naiveOutcome(bytes: Uint8Array): DecisionBatch | string {
  try {
    return naiveReading(JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)))
  } catch (error) {
    return String(error)
  }
}

/** A piece of JSON, and the same with its numbers as marked strings. */
export interface Json {
  readonly text: string
  readonly twin: string
}

/** Valid documents; `samples` are decisions as JSON texts that come up among the random ones. */
export function documents(samples: readonly string[]): fc.Arbitrary<Json> {
  const space = fc.constantFrom('', '', '', '', '', ' ', '\n', '\r\n\t ')
  const same = (text: string): Json => ({ text, twin: text })
  const character = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...'abdeipnostuvwy0129.:/-{}[],'.split('')) },
    fc.constantFrom(
      '\\"',
      '\\\\',
      '\\/',
      '\\b',
      '\\f',
      '\\n',
      '\\r',
      '\\t',
      '\\u0000',
      '\\u00E9',
      '\\ud83d',
      '\\uDE00',
      '\\u2028',
    ),
    fc.constantFrom('é', 'µ', '€', '😀', '\u2028', '\u007f', '\ufeff'),
  )
  const string = fc.array(character, { maxLength: 12 }).map((parts) => same(`"${parts.join('')}"`))
  const number = fc
    .oneof(
      fc.nat().map(String),
      fc.bigInt(0n, 1n << 70n).map(String),
      fc.constantFrom(
        '0',
        '-0',
        '-7',
        '1.0',
        '0.5',
        '1e3',
        '1E+2',
        '2e-1',
        '-1.25e10',
        '9007199254740991',
        '9007199254740992',
      ),
    )
    .map((text) => ({ text, twin: `"${NUMBER}${text}"` }))
  const scalar = fc.oneof(string, number, fc.constantFrom('null', 'true', 'false').map(same))

  const array = (element: fc.Arbitrary<Json>, maxLength = 4) =>
    fc
      .tuple(space, fc.array(fc.tuple(space, element, space), { maxLength }))
      .map(([gap, elements]) => joined('[', gap, elements.map(glued), ']'))
  const object = (member: fc.Arbitrary<Json>, maxLength = 5) =>
    fc.tuple(space, fc.array(member, { maxLength })).map(([gap, members]) => joined('{', gap, members, '}'))
  const member = (key: fc.Arbitrary<Json>, value: fc.Arbitrary<Json>) =>
    fc.tuple(space, key, space, fc.constant(same(':')), space, value, space).map(glued)

  const anything = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, scalar, array(tie('value'), 3), object(member(string, tie('value')), 3)),
  })).value

  const name = fc
    .constantFrom('id', 'origin', 'type', 'scope', 'value', 'duration', 'scenario', 'uuid', 'until', 'simulated')
    .chain((text) =>
      fc.oneof(
        { weight: 8, arbitrary: fc.constant(same(`"${text}"`)) },
        fc.nat(text.length - 1).map((index) => {
          const code = text.charCodeAt(index).toString(16).padStart(4, '0')
          return same(`"${text.slice(0, index)}\\u${code}${text.slice(index + 1)}"`)
        }),
      ),
    )
  const field = fc.oneof(
    { weight: 6, arbitrary: member(name, string) },
    { weight: 2, arbitrary: member(fc.constant(same('"id"')), number) },
    member(fc.oneof(name, string), anything),
  )
  const plain = fc
    .constantFrom(...samples)
    .map((text) => ({ text, twin: text.replace(/"id":(\d+)/, `"id":"${NUMBER}$1"`) }))
  const element = fc.oneof({ weight: 4, arbitrary: object(field, 9) }, { weight: 3, arbitrary: plain }, anything)
  const list = fc.oneof({ weight: 5, arbitrary: array(element) }, fc.constant(same('null')))

  const others = fc.array(member(string, anything), { maxLength: 1 })
  const sections = fc.constantFrom(['new', 'deleted'], ['deleted', 'new'], ['new'], ['deleted'], [])
  const body = fc.tuple(space, others, sections, others, others).chain(([gap, first, names, between, last]) =>
    fc.tuple(...names.map((section) => member(fc.constant(same(`"${section}"`)), list))).map((lists) => {
      const [one, ...rest] = lists
      return joined('{', gap, [...first, ...(one ? [one] : []), ...between, ...rest, ...last], '}')
    }),
  )
  return fc.oneof({ weight: 30, arbitrary: fc.tuple(space, body, space).map(glued) }, fc.constant(same('null')))
}

function glued(parts: readonly (Json | string)[]): Json {
  const pick = (side: keyof Json) => parts.map((part) => (typeof part === 'string' ? part : part[side])).join('')
  return { text: pick('text'), twin: pick('twin') }
}

function joined(open: string, gap: string, elements: readonly Json[], close: string): Json {
  if (elements.length === 0) return glued([open, gap, close])
  return glued([open, ...elements.flatMap((element, index) => (index === 0 ? [element] : [',', element])), close])
}

/** One kind of harm to bytes: a byte changed, lost, put in, said twice, or the tail lost. */
export function damage(): fc.Arbitrary<(bytes: Buffer) => Buffer> {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]",:\\ \n0-.eEu1tfn/')))
  return fc.tuple(fc.nat(5), fc.nat(), fc.nat(20), byte).map(([kind, position, length, value]) => (bytes) => {
    const at = position % (bytes.length + 1)
    const to = Math.min(at + length, bytes.length)
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
    if (kind === 0) return Buffer.concat([head, Buffer.of(value), tail])
    if (kind === 1) return Buffer.concat([head, tail.subarray(1)])
    if (kind === 2) return Buffer.concat([head, bytes.subarray(at, to), tail])
    if (kind === 3 && length < 4) return Buffer.from(head)
    return Buffer.concat([head, Buffer.of(value), tail.subarray(1)])
  })
}
