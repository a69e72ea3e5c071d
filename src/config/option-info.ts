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
