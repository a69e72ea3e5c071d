/** What the commands about CAPI read: flags over environment over `FILE.local` over `FILE` over defaults, and only options about CAPI. */

import { environmentLayer } from './layers/environment-layer.js'
import { fileLayers } from './layers/file-layer.js'
import { type Layer, readLayer } from './layers/layer.js'
import { inFile, type Spelling } from './layers/spelling.js'
import type { ConfigurationPlaces } from './load-configuration.js'
import { capiOptions } from './options/capi-options.js'
import { type OptionValues, resolveLayers } from './resolve.js'

/** Paths are absolute, the password is out of its file. */
export type CapiConfiguration = Readonly<Pick<OptionValues, keyof typeof capiOptions.shape>>

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
  return { ...layer, given: new Map([...layer.given].filter(([option]) => Object.hasOwn(capiOptions.shape, option))) }
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
