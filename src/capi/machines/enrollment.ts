/** Enrolls machines in the console, one by one: what fails for one is told for that one. */

import { z } from 'zod'
import { BouncerError } from '../../errors.js'
import { errorOf } from '../../thrown.js'
import type { EnrollAnswer } from '../api/capi-calls.js'
import type { Machines } from './machines.js'

export interface EnrollOptions {
  /** What the console calls the machines. */
  readonly name: string
  /** From the console, letters and digits. A secret. */
  readonly attachmentKey: string
  /** Default none. */
  readonly tags?: readonly string[]
  /** Default false. Enrolls machines that are enrolled already. */
  readonly overwrite?: boolean
}

/** `accepted`: somebody has to confirm it in the console. */
export type EnrollResult =
  | { readonly machineId: string; readonly outcome: EnrollAnswer }
  | { readonly machineId: string; readonly outcome: 'failed'; readonly error: Error }

const schema = z.object({
  name: z.string('expected text'),
  attachmentKey: z.string('expected letters and digits').regex(/^[A-Za-z0-9]+$/, 'expected letters and digits'),
  tags: z.array(z.string('expected text').min(1, 'expected text'), 'expected a list of texts').default([]),
  overwrite: z.boolean('expected true or false').default(false),
})

/**
 * In the order given, each machine once. After a refused attachment key nobody else is asked for: it is the same for all. Throws
 * `ERR_CSB_CONFIG` for malformed options, never with the key in it, and the signal's reason when it is aborted.
 */
export async function enrollMachines(
  machines: Pick<Machines, 'enroll'>,
  machineIds: Iterable<string>,
  options: EnrollOptions,
  signal: AbortSignal,
): Promise<readonly EnrollResult[]> {
  const { data, error } = schema.safeParse(options)
  if (error !== undefined) throw new BouncerError('ERR_CSB_CONFIG', error.issues.map(problem).join('; '))
  const request = { ...data, tags: [...new Set(data.tags)] }
  const results: EnrollResult[] = []
  let refusedKey: BouncerError | null = null
  for (const machineId of new Set(machineIds)) {
    try {
      if (refusedKey !== null) throw refusedKey
      results.push({ machineId, outcome: await machines.enroll(machineId, request, signal) })
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      const error = errorOf(thrown, 'ERR_CSB_INTERNAL')
      if (error instanceof BouncerError && error.code === 'ERR_CSB_CAPI_ENROLL') refusedKey = error
      results.push({ machineId, outcome: 'failed', error })
    }
  }
  return results
}

function problem({ path, message }: z.core.$ZodIssue): string {
  return `${path.join('.') || 'options'}: ${message}`
}
