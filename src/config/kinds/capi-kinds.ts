/** The kinds of value that only options about CAPI and signals hold, as zod schemas. */

import { resolve } from 'node:path'
import { z } from 'zod'
import { capiBaseUrl } from '../../capi/api/base-url.js'
import { MACHINE_ID_LENGTH } from '../../capi/machines/machine-id.js'
import { judgeScenarioName } from '../../capi/signals/scenario-name.js'
import { readPostgresUrl, UNPARSABLE } from '../../signals/storage/postgres-url.js'
import { duration, httpUrl, refuse, textList } from './option-kinds.js'
import { Secret } from './secret.js'

/** To a base URL. */
export const capiUrl = z.string().transform(capiBaseUrl).pipe(httpUrl)

/** What a login demands (swagger of CAPI v3). */
export const capiMachineId = z.string().regex(new RegExp(`^[A-Za-z0-9]{${MACHINE_ID_LENGTH}}$`))

/** The value is in the message already, with its secrets hidden: what is no name of a scenario may be a URL with a password. */
const NO_SCENARIO = 'it is author/name, of letters, digits, "_", "-" and "."'

/** The name of a scenario, such as the hub has. */
export const scenarioName = z.string().superRefine((name, context) => {
  if (judgeScenarioName(name).verdict === 'invalid') refuse(context, { input: name, why: NO_SCENARIO })
})

/** Names of scenarios, none of them twice. */
export const scenarioList = textList
  .transform((names) => [...new Set(names)])
  .superRefine((names, context) => {
    for (const [index, name] of names.entries()) {
      if (judgeScenarioName(name).verdict === 'invalid') {
        refuse(context, { path: [index], input: name, why: NO_SCENARIO })
      }
    }
  })

/** SQLite's own name for what is `memory` here. Taken for a path it would make a file of that name. */
const SQLITE_MEMORY = 'sqlite::memory:'

/** To a `Secret`, since a URL may hold a password. A path becomes absolute. */
export const storageLocation = z.union([z.string(), z.instanceof(Secret)]).transform((value, context): Secret => {
  if (value instanceof Secret) return value
  const location = value.trim()
  if (location === 'memory' || readPostgresUrl(location) !== null) return new Secret(location)
  if (/^sqlite:./.test(location) && location !== SQLITE_MEMORY)
    return new Secret(absoluteLocation(location, process.cwd()))
  refuse(context, { input: value, ...(/^postgres(?:ql)?:\/\//i.test(location) ? { why: `it ${UNPARSABLE}` } : {}) })
  return z.NEVER
})

/** With the path of a file, which may be relative to the directory, made absolute; every other location as it is. */
export function absoluteLocation(location: string, directory: string): string {
  const path = /^\s*sqlite:(.+?)\s*$/.exec(location)?.[1]
  return path === undefined || location.trim() === SQLITE_MEMORY ? location : `sqlite:${resolve(directory, path)}`
}

/** How many logins may go out in 50 minutes. */
export const loginBudget = z.union([z.literal('unlimited'), z.coerce.number().int().min(1).max(1_000_000)])

export const loginBudgetText = 'a whole number from 1 to 1000000, or `unlimited`'

/** To milliseconds, from 1 s to 10 min. */
export const reportWindow = duration.refine((value) => value >= 1000 && value <= 600_000)

/** To milliseconds, from 5 to 20 whole minutes: what CrowdSec asks of those who send signals (Python SDK). */
export const reportInterval = duration.refine((value) => value >= 300_000 && value <= 1_200_000 && value % 60_000 === 0)

/** To milliseconds, 10 min at least: CrowdSec asks for two hours between two pulls. */
export const pullInterval = duration.refine((value) => value >= 600_000)
