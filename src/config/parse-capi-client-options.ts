/** The options of `createCapiClient`, validated, and what is said of a value that one does not take. */

import type { z } from 'zod'
import { safeLogger, silentLogger } from '../logger.js'
import { didYouMean } from '../nearest-name.js'
import { capiClientOptions, type ResolvedCapiClientOptions } from './options/capi-client-options.js'
import { requiredInfo } from './options/option-info.js'
import { requireObject, sentenceAbout, throwProblems } from './problems/problem.js'

type Name = keyof typeof capiClientOptions.shape

/** Throws `ERR_CSB_CONFIG`, whose message lists everything that is wrong. */
export function parseCapiClientOptions(input: unknown): ResolvedCapiClientOptions {
  requireObject(input)
  const { data, error } = capiClientOptions.safeParse(input)
  if (error === undefined) return { ...data, logger: data.logger ? safeLogger(data.logger) : silentLogger }
  throwProblems(error.issues.flatMap((issue) => sentences(issue, input)))
  throw error
}

function sentences(issue: z.core.$ZodIssue, input: object): string[] {
  const [name] = issue.path
  if (name === undefined && issue.code === 'unrecognized_keys') return issue.keys.map(unknownOption)
  const known = names.find((option) => option === name)
  return known === undefined
    ? [issue.message]
    : [sentenceAbout(issue, requiredInfo(known, capiClientOptions.shape[known]), known, Reflect.get(input, known))]
}

/** `prod` is what the Python SDK has. */
function unknownOption(key: string): string {
  return `${key}: unknown option${key === 'prod' ? "; did you mean url: 'production'?" : didYouMean(key, names)}`
}

const names = Object.keys(capiClientOptions.shape) as readonly Name[]
