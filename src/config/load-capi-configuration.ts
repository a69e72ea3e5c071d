/**
 * What the commands about CAPI read: flags over environment over `FILE.local` over `FILE` over defaults, and only options about CAPI
 * and its storage.
 */

import { environmentLayer } from './layers/environment-layer.js'
import { fileLayers } from './layers/file-layer.js'
import { type Layer, readLayer } from './layers/layer.js'
import { inFile, type Spelling } from './layers/spelling.js'
import type { ConfigurationPlaces } from './load-configuration.js'
import { capiOptions } from './options/capi-options.js'
import { reportOptions } from './options/report-options.js'
import { type OptionValues, resolveLayers } from './resolve.js'

const { reportMaxSignals, reportMaxAge } = reportOptions.shape

/** Whoever adds a signal drops what exceeds the limits: with other ones than the service has, a command would drop what that keeps. */
const shape = { ...capiOptions.shape, reportMaxSignals, reportMaxAge }

/** Paths are absolute, the password is out of its file. */
export type CapiConfiguration = Readonly<Pick<OptionValues, keyof typeof shape>>

/** What a command line may say in place of the options. */
export interface CapiFlags {
  readonly storage?: string | undefined
  readonly url?: string | undefined
  readonly scenarios?: string | undefined
}

/**
 * Every other option may be missing or wrong, so that whoever sends signals needs no `api_key`. Unknown names are refused all the
 * same. Throws `ERR_CSB_CONFIG_FILE` and `ERR_CSB_CONFIG`.
 */
export async function loadCapiConfiguration(
  { file, env }: ConfigurationPlaces,
  flags: CapiFlags,
): Promise<CapiConfiguration> {
  const files = file === undefined ? [] : await fileLayers(file)
  const layers = [...files, environmentLayer(env)].map(onlyCapi)
  const { values } = resolveLayers([...layers, flagLayer(flags), withoutLapi()], inFile, env)
  return values
}

function onlyCapi(layer: Layer): Layer {
  return { ...layer, given: new Map([...layer.given].filter(([option]) => Object.hasOwn(shape, option))) }
}

/** `capiUrl` is `--url`. */
const asFlag: Spelling = (option) => option.replace(/^capi/, '--').toLowerCase()

function flagLayer({ storage, url, scenarios }: CapiFlags): Layer {
  return typedLayer({ '--storage': storage, '--url': url, '--scenarios': scenarios }, asFlag)
}

/** These commands ask no LAPI for decisions, so that nothing has to say where it is. */
function withoutLapi(): Layer {
  return typedLayer({ mode: 'none' }, inFile)
}

function typedLayer(entries: Readonly<Record<string, unknown>>, spelling: Spelling): Layer {
  const kind = { places: ['everywhere'], directory: process.cwd(), variables: 'literal', where: '' } as const
  return readLayer(Object.entries(entries), { ...kind, spelling })
}
