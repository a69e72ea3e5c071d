/** An object of options that only code gives, judged as a whole: whatever is wrong with it is one error. */

import type { z } from 'zod'
import { didYouMean } from '../../nearest-name.js'
import { requiredInfo } from '../options/option-info.js'
import { requireObject, sentenceAbout, throwProblems } from './problem.js'

/** Names that other libraries have for an option, to what it is here. */
export type OtherNames = Readonly<Record<string, string>>

/** Throws `ERR_CSB_CONFIG`, whose message lists everything that is wrong. */
export function parseOptionObject<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  input: unknown,
  otherNames: OtherNames = {},
): z.output<z.ZodObject<Shape>> {
  requireObject(input)
  const { data, error } = schema.safeParse(input)
  if (error === undefined) return data
  throwProblems(error.issues.flatMap((issue) => sentences(issue, schema.shape, input, otherNames)))
  throw error
}

function sentences(issue: z.core.$ZodIssue, shape: z.ZodRawShape, input: object, otherNames: OtherNames): string[] {
  const [name] = issue.path
  const names = Object.keys(shape)
  if (name === undefined && issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const meant = Object.hasOwn(otherNames, key) ? `; did you mean ${otherNames[key]}?` : didYouMean(key, names)
      return `${key}: unknown option${meant}`
    })
  }
  const known = names.find((option) => option === name)
  if (known === undefined) return [issue.message]
  return [sentenceAbout(issue, requiredInfo(known, shape[known]), known, Reflect.get(input, known))]
}
