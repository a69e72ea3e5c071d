/** Options in code: what `createBouncer` was given, validated, with every default filled in. */

import { type Logger, safeLogger, silentLogger } from '../logger.js'
import type { Secret } from './kinds/secret.js'
import { codeLayer } from './layers/code-layer.js'
import { inCode, type Spelling } from './layers/spelling.js'
import type { OptionName } from './options/options.js'
import { requireObject } from './problems/problem.js'
import { type OptionValues, type Resolved, resolveLayers } from './resolve.js'

type LibraryValues = Omit<
  OptionValues,
  'listen' | 'logLevel' | 'apiKeyFile' | 'liveApiKeyFile' | 'capiPasswordFile' | 'apiKey' | 'decisionsFile' | 'logger'
>

/** Durations in milliseconds, paths absolute, the key out of its file. */
export interface ResolvedOptions extends Readonly<LibraryValues> {
  /** `null`: there is no LAPI to ask, or it knows us by a certificate, or there are several. */
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
  requireObject(input)
  return libraryPart(resolveLayers([codeLayer(input)], inCode, process.env), inCode)
}

/** The part of the resolved options that the library works with. */
export function libraryPart({ values, given }: Resolved, spelling: Spelling): ResolvedOptions {
  const { listen, logLevel, apiKeyFile, liveApiKeyFile, capiPasswordFile, ...rest } = values
  const { apiKey = null, decisionsFile = null, ...plain } = rest
  const idle = idleOptions({ values, given })
  return {
    ...plain,
    apiKey,
    decisionsFile: idle.some(({ names }) => names.includes('decisionsFile')) ? null : decisionsFile,
    logger: values.logger === undefined ? silentLogger : safeLogger(values.logger),
    hasLogger: values.logger !== undefined,
    notices: noticesOn(idle, spelling),
  }
}

const streamOnly: readonly OptionName[] = [
  'streamUpdateFrequency',
  'resyncInterval',
  'fullPullTimeout',
  'deltaPullTimeout',
]

const lapiOnly: readonly OptionName[] = ['apiUrl', ...streamOnly]

const reportOnly: readonly OptionName[] = [
  'reportOrigins',
  'reportScenario',
  'reportContext',
  'redact',
  'reportWindow',
  'reportInterval',
  'reportMaxSignals',
  'reportMaxAge',
]

/** Options that somebody gave and that have no effect beside what else is given or missing, and why not. */
interface Idle {
  readonly names: readonly OptionName[]
  readonly because: (spelling: Spelling) => string
}

/** Options that somebody gave and that have no effect beside what else is given or missing. */
export function withoutEffect(resolved: Resolved): readonly OptionName[] {
  return idleOptions(resolved).flatMap(({ names }) => names)
}

function idleOptions({ values, given }: Resolved): readonly Idle[] {
  const lapi = (['apiKeyFile', 'tlsCertFile', 'lapis', 'apiKey'] as const).find((name) => given.has(name))
  const { mode } = values
  const byMode = (spelling: Spelling) => `${spelling('mode')} is ${mode}`
  const groups: Idle[] = []
  if (!values.report) groups.push({ names: reportOnly, because: (spelling) => `${spelling('report')} is not on` })
  if (lapi === undefined) groups.push({ names: lapiOnly, because: (spelling) => `${spelling('apiKey')} is not set` })
  else {
    const because = (spelling: Spelling) => `${spelling(lapi)} is set and decisions come from the LAPI`
    if (mode !== 'none') groups.push({ names: ['decisionsFile'], because })
    if (mode === 'live' || mode === 'none') groups.push({ names: streamOnly, because: byMode })
    if (mode !== 'hybrid') groups.push({ names: ['liveApiKey', 'liveApiKeyFile'], because: byMode })
  }
  return groups
    .map(({ names, because }) => ({ names: names.filter((name) => given.has(name)), because }))
    .filter(({ names }) => names.length > 0)
}

function noticesOn(idle: readonly Idle[], spelling: Spelling): readonly string[] {
  return idle.map(({ names, because }) => `${names.map(spelling).join(', ')}: not used, because ${because(spelling)}`)
}
