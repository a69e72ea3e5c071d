/** Packages that only some need, loaded when they are needed. */

import { BouncerError } from '../../errors.js'
import { systemCodeOf } from '../../thrown.js'

/** Throws `ERR_CSB_STORAGE` with the command that installs it and what else is missing then. */
export async function loadPackage<Module>(
  name: string,
  load: () => Promise<Module>,
  beside: readonly string[] = [],
): Promise<Module> {
  try {
    return await load()
  } catch (cause) {
    const reason = systemCodeOf(cause) ?? String(cause)
    const message = `This storage needs the package ${name}, which cannot be loaded (${reason}): npm install ${[name, ...beside].join(' ')}`
    throw new BouncerError('ERR_CSB_STORAGE', message, { cause })
  }
}
