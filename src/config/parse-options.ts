/** Options in code: what `createBouncer` was given, validated, with every default filled in. */

import { BouncerError } from '../errors.js'
import { type Logger, silentLogger, unfailing } from '../logger.js'
import { readLayer } from './layer.js'
import type { OptionName } from './options.js'
import { kindOf } from './problem.js'
import { type OptionValues, type Resolved, resolveLayers } from './resolve.js'
import type { Secret } from './secret.js'
import { inCode, type Spelling } from './spelling.js'

type LibraryValues = Omit<OptionValues, 'listen' | 'logLevel' | 'apiKeyFile' | 'apiKey' | 'decisionsFile' | 'logger'>

/** Durations in milliseconds, paths absolute, the key out of its file. */
export interface ResolvedOptions extends Readonly<LibraryValues> {
  /** `null`: there is no LAPI to ask. */
  readonly apiKey: Secret | null
  /** `null` also where a LAPI takes the place of the file. */
  readonly decisionsFile: string | null
  /** Silent where none was given. */
  readonly logger: Logger
  readonly hasLogger: boolean
  /** What the user should be told once at start: options that have no effect beside others. */
  readonly notices: readonly string[]
}

/** Throws `ERR_CSB_CONFIG`, whose message lists everything that is wrong. */
export function parseOptions(input: unknown): ResolvedOptions {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new BouncerError('ERR_CSB_CONFIG', `expected an object with options, got ${kindOf(input)}`)
  }
  const layer = readLayer(Object.entries(input), {
    spelling: inCode,
    places: ['everywhere', 'code'],
    directory: process.cwd(),
    variables: 'literal',
    where: '',
  })
  return libraryPart(resolveLayers([layer], inCode, process.env), inCode)
}

/** The part of the resolved options that the library works with. */
export function libraryPart({ values, given }: Resolved, spelling: Spelling): ResolvedOptions {
  const { listen, logLevel, apiKeyFile, apiKey = null, decisionsFile = null, ...plain } = values
  return {
    ...plain,
    apiKey,
    decisionsFile: apiKey === null ? decisionsFile : null,
    logger: values.logger === undefined ? silentLogger : unfailing(values.logger),
    hasLogger: values.logger !== undefined,
    notices: noticesOn(given, spelling),
  }
}

const lapiOnly: readonly OptionName[] = [
  'apiUrl',
  'streamUpdateFrequency',
  'resyncInterval',
  'fullPullTimeout',
  'deltaPullTimeout',
]

/** Options that somebody gave and that have no effect beside what else is given or missing. */
export function withoutEffect(given: ReadonlySet<OptionName>): readonly OptionName[] {
  const candidates = given.has('apiKey') || given.has('apiKeyFile') ? (['decisionsFile'] as const) : lapiOnly
  return candidates.filter((name) => given.has(name))
}

function noticesOn(given: ReadonlySet<OptionName>, spelling: Spelling): readonly string[] {
  const idle = withoutEffect(given)
  if (idle.length === 0) return []
  const names = idle.map(spelling).join(', ')
  if (!idle.includes('decisionsFile')) return [`${names}: not used, because ${spelling('apiKey')} is not set`]
  const key = spelling(given.has('apiKeyFile') ? 'apiKeyFile' : 'apiKey')
  return [`${names}: not used, because ${key} is set and decisions come from the LAPI`]
}
