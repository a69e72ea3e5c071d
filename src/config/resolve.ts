/** From layers to values: the stronger layer wins key by key, and everything that is wrong is one error. */

import { resolve as resolvePath } from 'node:path'
import type { z } from 'zod'
import { absoluteLocation } from './kinds/capi-kinds.js'
import type { GivenValue, Layer } from './layers/layer.js'
import { readSecretFile } from './layers/secret-file.js'
import type { Spelling } from './layers/spelling.js'
import { substitute } from './layers/substitution.js'
import { allOptions, infoOf, type OptionName, optionNames } from './options/options.js'
import { contradictions } from './problems/contradictions.js'
import { issueSentence, throwProblems } from './problems/problem.js'
import { pullProblems } from './problems/pull-problems.js'
import { limitProblems } from './problems/remediation-limit.js'
import { reportProblems } from './problems/report-problems.js'
import { stalenessProblems } from './problems/staleness-problems.js'

/** Every option with its value or default. */
export type OptionValues = z.output<typeof allOptions>

export interface Resolved {
  readonly values: OptionValues
  /** Which options somebody gave. */
  readonly given: ReadonlySet<OptionName>
}

type Given = Map<OptionName, GivenValue>

/** Secrets, and the option that names a file with nothing else in it. */
const secretFiles = [
  ['apiKey', 'apiKeyFile'],
  ['liveApiKey', 'liveApiKeyFile'],
  ['capiPassword', 'capiPasswordFile'],
] as const

type SecretFile = (typeof secretFiles)[number]

/**
 * The layers come weakest first. `spelling` is for options that nobody wrote and that a message has to name.
 * Throws `ERR_CSB_CONFIG`.
 */
export function resolveLayers(layers: readonly Layer[], spelling: Spelling, environment: NodeJS.ProcessEnv): Resolved {
  const merged = merge(layers)
  const problems = [...layers.flatMap((layer) => layer.problems), ...contradictions(merged, spelling)]
  const given = withVariables(merged, environment, problems)
  const parsed = allOptions.safeParse(inputOf(given))
  for (const issue of parsed.error?.issues ?? []) {
    const option = optionNames.find((name) => name === issue.path[0])
    const entry = option === undefined ? undefined : given.get(option)
    if (option !== undefined && entry !== undefined) {
      problems.push(issueSentence(issue, option, entry.written, entry.value))
    }
  }
  const secrets = secretFiles.map(([option, file]) => [option, secretFrom(file, option, given, problems)] as const)
  throwProblems(problems)
  const values = { ...(parsed.data ?? allOptions.parse(inputOf(given))) }
  for (const [option, secret] of secrets) if (secret !== undefined) values[option] = secret
  const nameOf = (option: OptionName) => given.get(option)?.written ?? spelling(option)
  throwProblems([
    ...limitProblems(values, nameOf('maxRemediation')),
    ...reportProblems(values, nameOf),
    ...pullProblems(values, nameOf),
    ...stalenessProblems(values, nameOf),
  ])
  return { values, given: new Set(given.keys()) }
}

/** A key and the file that holds it say the same thing: the stronger layer's one takes the place of either. */
const twins: ReadonlyMap<OptionName, OptionName> = new Map(
  secretFiles.flatMap(([option, file]): [OptionName, OptionName][] => [
    [option, file],
    [file, option],
  ]),
)

function merge(layers: readonly Layer[]): Given {
  const merged: Given = new Map()
  for (const layer of layers) {
    for (const option of layer.given.keys()) {
      const twin = twins.get(option)
      if (twin !== undefined && !layer.given.has(twin)) merged.delete(twin)
    }
    for (const [option, entry] of layer.given) {
      // `key:` without a value in a file: nothing is given, and a stronger file takes back what a weaker one said.
      if (entry.value === null && entry.variables === 'substituted') merged.delete(option)
      else merged.set(option, entry)
    }
  }
  return merged
}

function withVariables(given: Given, environment: NodeJS.ProcessEnv, problems: string[]): Given {
  const filled: Given = new Map()
  for (const [option, entry] of given) {
    const substituted = entry.variables === 'literal' ? entry : substitute(entry.value, environment)
    if ('problem' in substituted) problems.push(`${entry.written}: ${substituted.problem}`)
    else filled.set(option, { ...entry, value: substituted.value })
  }
  return filled
}

function inputOf(given: Given): Record<string, unknown> {
  return Object.fromEntries([...given].map(([option, entry]) => [option, inputValue(option, entry)]))
}

function inputValue(option: OptionName, { value, directory }: GivenValue): unknown {
  if (typeof value !== 'string' || value === '') return value
  const kind = infoOf(option).value
  if (kind === 'location') return absoluteLocation(value, directory)
  return kind === 'path' ? resolvePath(directory, value) : value
}

function secretFrom(
  fileOption: SecretFile[1],
  option: SecretFile[0],
  given: Given,
  problems: string[],
): OptionValues['apiKey'] {
  const entry = given.get(fileOption)
  if (entry === undefined) return undefined
  const path = inputValue(fileOption, entry)
  if (typeof path !== 'string' || path === '') return undefined
  const read = readSecretFile(path)
  if ('problem' in read) {
    problems.push(`${entry.written}: ${path} ${read.problem}`)
    return undefined
  }
  const checked = allOptions.shape[option].safeParse(read.text)
  if (!checked.success) problems.push(`${entry.written}: ${path} does not hold ${infoOf(option).accepts}`)
  return checked.data
}
