/** Sentences about values that an option does not take, and the one error that lists them all. Never shows a secret. */

import type { z } from 'zod'
import { BouncerError } from '../../errors.js'
import { quoted } from '../../quoted.js'
import type { OptionInfo } from '../options/option-info.js'
import { infoOf, type OptionName } from '../options/options.js'

/** Throws `ERR_CSB_CONFIG` with every problem, on one line, unless there is none. */
export function throwProblems(problems: readonly string[]): void {
  if (problems.length === 0) return
  const [only = ''] = problems
  const numbered = problems.map((problem, index) => `(${index + 1}) ${problem}`).join('; ')
  throw new BouncerError('ERR_CSB_CONFIG', problems.length === 1 ? only : `${problems.length} problems: ${numbered}`)
}

/** Throws `ERR_CSB_CONFIG` for what could hold no options. */
export function requireObject(input: unknown): asserts input is object {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return
  throw new BouncerError('ERR_CSB_CONFIG', `expected an object with options, got ${kindOf(input)}`)
}

/** What zod found wrong with a value, told with what the option accepts and what came. */
export function issueSentence(issue: z.core.$ZodIssue, option: OptionName, written: string, value: unknown): string {
  return sentenceAbout(issue, infoOf(option), written, value)
}

/** The same for an option that is not the bouncer's. */
export function sentenceAbout(
  issue: z.core.$ZodIssue,
  { accepts, value: kind }: Pick<OptionInfo, 'accepts' | 'value'>,
  written: string,
  value: unknown,
): string {
  const [, index, ...rest] = issue.path
  const at = `[${String(index)}]${rest.map((key) => `.${String(key)}`).join('')}`
  const item = typeof index === 'number' && Array.isArray(value) ? { at, value: value[index] } : null
  const key = item === null ? written : written.replace(/^\S+/, (name) => name + item.at)
  const got =
    kind === 'secret' || kind === 'location'
      ? `${kindOf(value)} that is not shown`
      : shown(item === null ? value : item.value)
  return `${key}: expected ${accepts}, got ${got}${whyOf(issue)}`
}

function whyOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union')
    return (
      issue.errors
        .flat()
        .map(whyOf)
        .find((why) => why !== '') ?? ''
    )
  if (issue.code === 'unrecognized_keys') return ` (unknown: ${issue.keys.join(', ')})`
  return issue.code === 'custom' && typeof issue.params?.['why'] === 'string' ? ` (${issue.params['why']})` : ''
}

function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string' || value === '') return kindOf(value)
  const text = withoutCredentials(value)
  return quoted(text)
}

// A URL may carry a password before the @ and a token after the ?, and a value may be in the wrong option.
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z]+:\/\/)?.*@/is, '$1[hidden]@').replace(/\?.*$/s, '?[hidden]')
}

/** What kind of value came, without showing it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === '') return 'an empty text'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return 'a text'
  return value === undefined ? 'nothing' : `a ${typeof value}`
}
