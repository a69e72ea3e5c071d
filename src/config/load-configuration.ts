/** The check service's configuration: environment over `FILE.local` over `FILE` over defaults. */

import type { ListenAddress } from './kinds/listen-address.js'
import { environmentLayer } from './layers/environment-layer.js'
import { fileLayers } from './layers/file-layer.js'
import { inFile } from './layers/spelling.js'
import type { BouncerOptions, LogLevel } from './options/options.js'
import { libraryPart, type ResolvedOptions, withoutEffect } from './parse-options.js'
import { type Resolved, resolveLayers } from './resolve.js'

export interface ServiceConfiguration {
  /** For `createBouncer`; a logger may be put beside it. Prints no secret. */
  readonly bouncer: BouncerOptions
  readonly listen: ListenAddress
  readonly logLevel: LogLevel
  /** Files that were read, the weakest first. */
  readonly files: readonly string[]
  /** What the user should be told once at start. */
  readonly notices: readonly string[]
}

/** Where to look. `env` is usually `process.env`. */
export interface ConfigurationPlaces {
  readonly file?: string | undefined
  readonly env: NodeJS.ProcessEnv
}

/** Throws `ERR_CSB_CONFIG_FILE` where a file cannot be read, and `ERR_CSB_CONFIG` listing everything that is wrong. */
export async function loadConfiguration({ file, env }: ConfigurationPlaces): Promise<ServiceConfiguration> {
  const files = file === undefined ? [] : await fileLayers(file)
  const resolved = resolveLayers([...files, environmentLayer(env)], inFile, env)
  const { notices, ...options } = libraryPart(resolved, inFile)
  return {
    bouncer: effective(options, resolved),
    listen: resolved.values.listen,
    logLevel: resolved.values.logLevel,
    files: files.map((layer) => layer.file),
    notices,
  }
}

/** What was given and has an effect, so that `createBouncer` finds nothing left to give notice of. */
function effective(options: Omit<ResolvedOptions, 'notices'>, resolved: Resolved): BouncerOptions {
  const wanted = new Set<string>(resolved.given).add('apiKey').add('liveApiKey').add('capiPassword')
  for (const name of withoutEffect(resolved)) wanted.delete(name)
  const entries = Object.entries(options).filter(([name, value]) => wanted.has(name) && value !== null)
  // Each value came out of the schema whose input type this is.
  return Object.fromEntries(entries) as BouncerOptions
}
