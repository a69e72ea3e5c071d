/**
 * Packages that only some need. Each is imported in one place, right inside of a `try`: so bundlers only warn where it is not
 * installed, and leave the import for those who come to it.
 */

import { BouncerError } from '../../errors.js'
import { systemCodeOf } from '../../thrown.js'

/** `ERR_CSB_STORAGE` with the command that installs it and what else is missing then. */
export function missingPackage(name: string, cause: unknown, beside: readonly string[] = []): BouncerError {
  const reason = systemCodeOf(cause) ?? String(cause)
  const message = `This storage needs the package ${name}, which cannot be loaded (${reason}): npm install ${[name, ...beside].join(' ')}`
  return new BouncerError('ERR_CSB_STORAGE', message, { cause })
}
