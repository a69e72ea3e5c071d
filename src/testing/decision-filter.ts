/** The query parameters that choose decisions, for the stream and for live queries alike. Values are taken as the LAPI takes them. */

import { type AddressInterval, covers, parseAddressInterval } from './address-interval.js'
import type { DecisionRow, DecisionTable } from './decision-table.js'
import type { LapiTraits } from './lapi-version.js'

/** A test of one row. */
export type RowPredicate = (row: DecisionRow) => boolean

/** A filter value that the LAPI cannot read. `message` is the LAPI's own. */
export class BadFilter extends Error {
  override readonly name = 'BadFilter'
}

const knownScopes: Readonly<Record<string, string>> = { ip: 'Ip', range: 'Range', country: 'Country', as: 'AS' }
// strconv.ParseBool
const trueWords = ['1', 't', 'T', 'TRUE', 'true', 'True']
const falseWords = ['0', 'f', 'F', 'FALSE', 'false', 'False']

/** Only the first value of a repeated parameter counts. Unknown parameters are ignored. Throws BadFilter. */
export function decisionFilter(query: URLSearchParams, table: DecisionTable, traits: LapiTraits): RowPredicate {
  const tests: RowPredicate[] = []
  const when = (parameter: string, test: (text: string) => RowPredicate) => {
    const text = query.get(parameter)
    if (text !== null) tests.push(test(text))
  }
  if (query.get('simulated') === null || query.get('simulated') === 'false') tests.push((row) => !row.simulated)
  when('scopes', scopeTest)
  if (traits.scopeAlias === 'honoured') when('scope', scopeTest)
  when('value', (text) => (row) => row.value === text)
  when('type', (text) => (row) => row.type === text)
  when('origins', (text) => {
    const origins = text.split(',')
    return (row) => origins.includes(row.origin)
  })
  when('scenarios_containing', scenarioTest)
  when('scenarios_not_containing', (text) => {
    const contains = scenarioTest(text)
    return (row) => !contains(row)
  })
  const interval = queriedInterval(query)
  const contains = containsFlag(query.get('contains'))
  if (interval) {
    tests.push((row) => {
      const own = table.intervalOf(row)
      return own !== null && (contains ? covers(own, interval) : covers(interval, own))
    })
  }
  return (row) => tests.every((test) => test(row))
}

function scopeTest(text: string): RowPredicate {
  const scopes = text.split(',').map((scope) => knownScopes[scope.toLowerCase()] ?? scope)
  return (row) => scopes.includes(row.scope)
}

function scenarioTest(text: string): RowPredicate {
  const words = text.toLowerCase().split(',')
  return (row) => words.some((word) => row.scenario.toLowerCase().includes(word))
}

function containsFlag(text: string | null): boolean {
  if (text === null || trueWords.includes(text)) return true
  if (falseWords.includes(text)) return false
  throw new BadFilter(`invalid contains value : strconv.ParseBool: parsing "${text}": invalid syntax: invalid filter`)
}

function queriedInterval(query: URLSearchParams): AddressInterval | null {
  const text = query.get('ip') ?? query.get('range')
  if (text === null) return null
  const interval = parseAddressInterval(text)
  if (interval) return interval
  const why = text.includes('/') ? `while parsing range ${text}: invalid CIDR address: ${text}` : 'invalid address'
  throw new BadFilter(`unable to convert '${text}' to int: ${why}: invalid ip address / range`)
}
