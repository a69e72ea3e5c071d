/** What options say against each other, and what is missing beside them. Looks at what was given, before any value is judged. */

import type { GivenValue } from '../layers/layer.js'
import { inCode, type Spelling } from '../layers/spelling.js'
import type { OptionName } from '../options/options.js'

type Given = ReadonlyMap<OptionName, GivenValue>

/** Pairs of which one at most may be given, and why. */
const rivals: readonly (readonly [OptionName, OptionName, string])[] = [
  ['apiKey', 'apiKeyFile', 'both say what the key is; leave one away'],
  ['liveApiKey', 'liveApiKeyFile', 'both say what the key is; leave one away'],
  // A LAPI that sees a certificate does not look at the key (all versions).
  ['apiKey', 'tlsCertFile', 'the LAPI takes either a key or a certificate; leave one away'],
  ['apiKeyFile', 'tlsCertFile', 'the LAPI takes either a key or a certificate; leave one away'],
  ['capiPassword', 'capiPasswordFile', 'both say what the password is; leave one away'],
  ['lapis', 'apiUrl', 'each item of the list has its own; leave one away'],
  ['lapis', 'apiKey', 'each item of the list has its own; leave one away'],
  ['lapis', 'apiKeyFile', 'each item of the list has its own; leave one away'],
  ['lapis', 'tlsCertFile', 'each item of the list has a key; leave one away'],
  ['lapis', 'liveApiKey', 'each item of the list has its own; leave one away'],
  ['lapis', 'liveApiKeyFile', 'each item of the list has its own; leave one away'],
  ['geoResolver', 'geoipCountryFile', 'both say where an address is; leave one away'],
  ['geoResolver', 'geoipAsnFile', 'both say where an address is; leave one away'],
  ['tlsCaFile', 'insecureSkipVerify', 'a certificate is either checked or not; leave one away'],
]

/** Options that mean nothing without another one. */
const companions: readonly (readonly [OptionName, OptionName])[] = [
  ['tlsCertFile', 'tlsKeyFile'],
  ['tlsKeyFile', 'tlsCertFile'],
  // The password of which machine it is, would not be known.
  ['capiPassword', 'capiMachineId'],
  ['capiPasswordFile', 'capiMachineId'],
]

/** Sentences, none where all is well. `spelling` is for options that nobody wrote. */
export function contradictions(given: Given, spelling: Spelling): readonly string[] {
  const problems = [...rivalries(given), ...lonely(given, spelling), ...plainWithCertificate(given, spelling)]
  return problems.length === 0 && !hasDecisions(given) ? [nothingToAsk(spelling)] : problems
}

function* rivalries(given: Given): Generator<string> {
  for (const [one, other, why] of rivals) {
    const [first, second] = [given.get(one), given.get(other)]
    if (isSaid(first) && isSaid(second)) yield `${first.written} and ${second.written}: ${why}`
  }
}

/** Whether it says anything: an empty list and a plain no are as good as nothing. */
function isSaid(entry: GivenValue | undefined): entry is GivenValue {
  if (entry === undefined) return false
  const { value } = entry
  return value !== false && value !== 'false' && !(Array.isArray(value) && value.length === 0)
}

function* lonely(given: Given, spelling: Spelling): Generator<string> {
  for (const [one, other] of companions) {
    const entry = given.get(one)
    if (entry !== undefined && !given.has(other)) yield `${entry.written}: needs ${spelling(other)} beside it`
  }
}

function* plainWithCertificate(given: Given, spelling: Spelling): Generator<string> {
  const entry = given.get('tlsCertFile')
  const url = given.get('apiUrl')?.value
  if (entry === undefined || (typeof url === 'string' && !/^(?:http:|unix:)/i.test(url))) return
  yield `${entry.written}: needs an https URL in ${spelling('apiUrl')}`
}

function hasDecisions(given: Given): boolean {
  if (given.get('mode')?.value === 'none' || sourceNamed(given) !== undefined) return true
  return isSaid(given.get('decisionsFile')) || isSaid(given.get('sources'))
}

/** The option that asks a LAPI or CAPI for decisions. */
export function sourceNamed(given: Given): OptionName | undefined {
  const ways = ['apiKey', 'apiKeyFile', 'tlsCertFile', 'lapis', 'capiPull'] as const
  return ways.find((name) => isSaid(given.get(name)))
}

function nothingToAsk(spelling: Spelling): string {
  const lapi = `${spelling('apiKey')} (and ${spelling('apiUrl')}) for a LAPI`
  const ways = `${lapi}, ${spelling('decisionsFile')} for a local list, ${spelling('capiPull')} for CAPI`
  const sources = spelling === inCode ? ', or sources of your own' : ''
  return `there is nothing to get decisions from: set ${ways}${sources}`
}
