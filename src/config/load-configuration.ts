/** The check service's configuration: environment over `FILE.local` over `FILE` over defaults. */

import type { ListenAddress } from './kinds/listen-address.js'
import { environmentLayer } from './layers/environment-layer.js'
import { fileLayers } from './layers/file-layer.js'
import type { Layer } from './layers/layer.js'
import { inFile } from './layers/spelling.js'
import type { BouncerOptions, LogLevel } from './options/options.js'
import { libraryPart, type ResolvedOptions, withoutEffect } from './parse-options.js'
import { sourceNamed } from './problems/contradictions.js'
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
  /** The file came with the package: its list of decisions is for a first look. */
  readonly isExample?: boolean
  readonly env: NodeJS.ProcessEnv
}

/** Throws `ERR_CSB_CONFIG_FILE` where a file cannot be read, and `ERR_CSB_CONFIG` listing everything that is wrong. */
export async function loadConfiguration(places: ConfigurationPlaces): Promise<ServiceConfiguration> {
  const { file, isExample = false, env } = places
  const files = file === undefined ? [] : await fileLayers(file)
  const layers = [...files, environmentLayer(env)]
  const example = isExample ? withoutList(layers) : { layers, notices: [] }
  const resolved = resolveLayers(example.layers, inFile, env)
  const { notices, ...options } = libraryPart(resolved, inFile)
  return {
    bouncer: effective(options, resolved),
    listen: resolved.values.listen,
    logLevel: resolved.values.logLevel,
    files: files.map((layer) => layer.file),
    notices: [...example.notices, ...notices],
  }
}

/** Leaves the list of the weakest layer out where a stronger one says what to ask: nobody wants an example beside real decisions. */
function withoutList([example, ...own]: readonly Layer[]): Pick<ServiceConfiguration, 'notices'> & { layers: Layer[] } {
  const source = own.map(({ given }) => sourceNamed(given)).find((name) => name !== undefined)
  const isListOurs = example.given.has('decisionsFile') && !own.some(({ given }) => given.has('decisionsFile'))
  if (source === undefined || !isListOurs) return { layers: [example, ...own], notices: [] }
  const given = new Map([...example.given].filter(([option]) => option !== 'decisionsFile'))
  const notice = `${inFile('decisionsFile')}: not used, because ${inFile(source)} is set and the list is an example`
  return { layers: [{ ...example, given }, ...own], notices: [notice] }
}

/** What was given and has an effect, so that `createBouncer` finds nothing left to give notice of. */
function effective(options: Omit<ResolvedOptions, 'notices'>, resolved: Resolved): BouncerOptions {
  const wanted = new Set<string>(resolved.given).add('apiKey').add('liveApiKey').add('capiPassword')
  for (const name of withoutEffect(resolved)) wanted.delete(name)
  const entries = Object.entries(options).filter(([name, value]) => wanted.has(name) && value !== null)
  // Each value came out of the schema whose input type this is.
  return Object.fromEntries(entries) as BouncerOptions
}
