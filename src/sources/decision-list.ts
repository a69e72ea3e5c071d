/** The text of a decisions file: a JSON array in the LAPI's shape, or a plain list of addresses to ban, one a line. */

import type { WireDecision } from '../decisions/wire-decision.js'
import { parseAddressRange } from '../net/address-range.js'
import { createPrefix, fullLength, type Prefix, parsePrefix } from '../net/prefix.js'
import { quoted } from '../quoted.js'

/** A part of the file that is no decision. */
export interface ListProblem {
  /** `line 7` or `element 3`, counted from 1. */
  readonly place: string
  readonly message: string
}

export interface DecisionList {
  readonly decisions: readonly WireDecision[]
  readonly problems: readonly ListProblem[]
}

/** What a plain line means: ten years, so that the file alone decides. */
const FOREVER = '87600h'

/** Reads either form; `name` becomes the scenario of plain lines. A JSON text that cannot be parsed throws `SyntaxError`. */
export function parseDecisionList(text: string, name: string): DecisionList {
  return /^\s*[[{]/.test(text) ? parseJsonList(text, name) : parsePlainList(text, name)
}

function parseJsonList(text: string, name: string): DecisionList {
  const document: unknown = JSON.parse(text)
  if (!Array.isArray(document)) throw new SyntaxError('expected a JSON array of decisions, got an object')
  const decisions: WireDecision[] = []
  const problems: ListProblem[] = []
  for (const [i, element] of document.entries()) {
    if (isRecord(element) && typeof element['value'] === 'string') decisions.push(completeDecision(element, name))
    else problems.push({ place: `element ${i + 1}`, message: 'expected an object with a value, as the LAPI writes it' })
  }
  return { decisions, problems }
}

/** What a person may leave out has an obvious meaning; what is written is taken as it is, and judged by the store. */
function completeDecision(element: Record<string, unknown>, name: string): WireDecision {
  const value = String(element['value'])
  const given = { origin: 'file', type: 'ban', scope: scopeOf(value) ?? 'Ip', duration: FOREVER, scenario: name }
  return { ...given, ...element, value }
}

function parsePlainList(text: string, name: string): DecisionList {
  const decisions: WireDecision[] = []
  const problems: ListProblem[] = []
  for (const [i, line] of text.split(/\r\n|\n|\r/).entries()) {
    const value = line.replace(/(^|\s)[#;].*$/, '').trim()
    if (value === '') continue
    const scope = scopeOf(value)
    if (scope !== null) decisions.push({ origin: 'file', type: 'ban', scope, value, duration: FOREVER, scenario: name })
    else {
      const shown = quoted(value)
      problems.push({ place: `line ${i + 1}`, message: `expected an address, a CIDR or first-last, got ${shown}` })
    }
  }
  return { decisions, problems }
}

const prefix: Prefix = createPrefix()

function scopeOf(value: string): 'Ip' | 'Range' | null {
  if (parsePrefix(value, prefix)) return prefix.length === fullLength(prefix.family) ? 'Ip' : 'Range'
  return parseAddressRange(value) === null ? null : 'Range'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
