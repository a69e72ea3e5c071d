/** The failure of a list that came and is of no use: what is held is then better. */

import { CapiError } from '../capi/capi-error.js'
import { quoted } from '../quoted.js'

export function unusableList(name: string, why: string): CapiError {
  return new CapiError('ERR_CSB_CAPI_LINK', `The list ${shownName(name)} is not used: ${why}`)
}

/** As messages have it. */
export function shownName(name: string): string {
  return quoted(name, 100)
}
