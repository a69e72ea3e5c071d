/** The package kysely. Nobody else imports more than its types: what it does is handed to those who need it. */

import { missingPackage } from '../optional-package.js'

export type KyselyLibrary = typeof import('kysely')

/** Throws `ERR_CSB_STORAGE`, which names too what else this storage needs and Node.js does not have. */
export async function loadKysely(kind: 'sqlite' | 'postgresql'): Promise<KyselyLibrary> {
  try {
    return await import('kysely')
  } catch (cause) {
    throw missingPackage('kysely', cause, besideKysely(kind))
  }
}

/** So that whoever has none of the packages is told of all at once. */
function besideKysely(kind: 'sqlite' | 'postgresql'): readonly string[] {
  if (kind === 'postgresql') return ['pg']
  return process.getBuiltinModule('node:sqlite') === undefined ? ['@photostructure/sqlite'] : []
}
