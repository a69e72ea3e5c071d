/** Names of scenarios, `author/name`: which of them CrowdSec's own clients would take. */

import { quoted } from '../../quoted.js'

/** The Python and the PHP SDK (3.5.2). It takes a bare `/`, and refuses authors of the hub such as `gauth-fr`. */
const takenBySdks = /^[A-Za-z0-9]{0,16}\/[A-Za-z0-9_-]{0,64}$/

/** The documentation of the PHP SDK says another one. */
const takenByDocs = /^[a-z0-9_-]+\/[a-z0-9_-]+$/

/** Both, and what the hub has beside them: dots, and dashes beside capitals. */
const likeTheHub = /^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/

/** No name comes near; with more than this the name is not one. */
const LONGEST_NAME = 255

export type ScenarioNameVerdict =
  | { readonly verdict: 'ok' }
  /** `unusual`: to be used, but worth a warning. `invalid`: no name of a scenario. */
  | { readonly verdict: 'unusual' | 'invalid'; readonly why: string }

/** `why` is a sentence that names the scenario. */
export function judgeScenarioName(name: string): ScenarioNameVerdict {
  const shown = quoted(name)
  const isName = takenBySdks.test(name) || takenByDocs.test(name) || likeTheHub.test(name)
  if (!isName || name.length > LONGEST_NAME) {
    const why = `expected a scenario as author/name, of letters, digits, "_", "-" and ".", got ${shown}`
    return { verdict: 'invalid', why }
  }
  if (!likeTheHub.test(name)) return { verdict: 'unusual', why: `${shown} lacks the author or the name of author/name` }
  if (takenBySdks.test(name)) return { verdict: 'ok' }
  const why = `CrowdSec's own clients refuse the name ${shown}: theirs are 16 letters and digits, "/", and 64 with "_" and "-"`
  return { verdict: 'unusual', why }
}
