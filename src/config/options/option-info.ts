/** What is told of an option besides its schema. */

import { z } from 'zod'

/** What a person is told of an option. */
export interface OptionInfo {
  /** Completes "expected ...". */
  readonly accepts: string
  readonly meaning: string
  /** `code`: cannot be written in a file. `service`: has no meaning in the library. */
  readonly place: 'everywhere' | 'code' | 'service'
  /** `secret` values are never shown. `path` values are relative to the file in which they stand. A `location` is both. */
  readonly value: 'plain' | 'secret' | 'path' | 'location'
}

export const optionInfo = z.registry<OptionInfo>()

// Where the usual options can be given.
export const everywhere = { place: 'everywhere', value: 'plain' } as const
export const aPath = { place: 'everywhere', value: 'path' } as const
export const codeOnly = { place: 'code', value: 'plain' } as const
export const serviceOnly = { place: 'service', value: 'plain' } as const

export function requiredInfo(name: string, schema: z.core.$ZodType): OptionInfo {
  const info = optionInfo.get(schema)
  if (info === undefined) throw new TypeError(`option ${name} has no description`)
  return info
}
