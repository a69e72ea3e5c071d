/** Enrolls machines in the console, one by one: what fails for one is told for that one. */

import { errorOf } from '../../thrown.js'
import type { EnrollAnswer } from '../api/capi-calls.js'
import { isKeyRefused } from '../api/refusal.js'
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

/**
 * In the order given, each machine once. After a refused attachment key nobody else is asked for: it is the same for all. Throws
 * the signal's reason when it is aborted.
 */
export async function enrollMachines(
  machines: Pick<Machines, 'enroll'>,
  machineIds: Iterable<string>,
  { name, attachmentKey, tags = [], overwrite = false }: EnrollOptions,
  signal: AbortSignal,
): Promise<readonly EnrollResult[]> {
  const request = { name, attachmentKey, overwrite, tags: [...new Set(tags)] }
  const results: EnrollResult[] = []
  let refusedKey: Error | null = null
  for (const machineId of new Set(machineIds)) {
    try {
      if (refusedKey !== null) throw refusedKey
      results.push({ machineId, outcome: await machines.enroll(machineId, request, signal) })
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      const error = errorOf(thrown, 'ERR_CSB_INTERNAL')
      if (isKeyRefused(error)) refusedKey = error
      results.push({ machineId, outcome: 'failed', error })
    }
  }
  return results
}
