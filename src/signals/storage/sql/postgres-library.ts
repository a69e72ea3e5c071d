/** The package pg. */

import { missingPackage } from '../optional-package.js'

/** Throws `ERR_CSB_STORAGE`. */
export async function loadPostgres(): Promise<typeof import('pg')> {
  try {
    return await import('pg')
  } catch (cause) {
    throw missingPackage('pg', cause)
  }
}
