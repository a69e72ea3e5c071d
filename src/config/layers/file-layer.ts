/** Options from a YAML file in snake_case, and from `FILE.local` beside it. */

import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { BouncerError } from '../../errors.js'
import { systemCodeOf } from '../../thrown.js'
import { type Layer, readLayer } from './layer.js'
import { blocks, inFile } from './spelling.js'

/** A layer and the file it was read from. */
export interface FileLayer extends Layer {
  readonly file: string
}

/** The file and, where it exists, its `.local` twin, the weaker first. Throws `ERR_CSB_CONFIG_FILE`. */
export async function fileLayers(file: string): Promise<readonly FileLayer[]> {
  const local = `${file}.local`
  const text = await readText(file)
  if (text === null) throw new BouncerError('ERR_CSB_CONFIG_FILE', `configuration file ${file} does not exist`)
  const localText = await readText(local)
  return localText === null ? [fileLayer(file, text)] : [fileLayer(file, text), fileLayer(local, localText)]
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const code = systemCodeOf(cause) ?? 'unknown error'
    if (code === 'ENOENT') return null
    throw new BouncerError('ERR_CSB_CONFIG_FILE', `configuration file ${file} cannot be read (${code})`, { cause })
  }
}

function fileLayer(file: string, text: string): FileLayer {
  const layer = readLayer(entriesOf(file, text), {
    spelling: inFile,
    places: ['everywhere', 'service'],
    directory: dirname(resolve(file)),
    variables: 'substituted',
    where: ` in ${file}`,
  })
  return { ...layer, file }
}

function entriesOf(file: string, text: string): readonly (readonly [string, unknown])[] {
  const lineCounter = new LineCounter()
  // No pretty errors: they quote the line, and the line may hold the api_key.
  const document = parseDocument(text, { lineCounter, prettyErrors: false })
  const [error] = [...document.errors, ...document.warnings]
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    const sentence = error.message.split(/[:\n]/)[0]
    throw new BouncerError('ERR_CSB_CONFIG_FILE', `${file}, line ${line}, column ${col}: not valid YAML (${sentence})`)
  }
  const content = toPlain(file, () => document.toJS())
  if (content === null || content === undefined) return []
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new BouncerError('ERR_CSB_CONFIG_FILE', `${file}: expected "key: value" lines, got something else`)
  }
  return Object.entries(content).flatMap(([key, value]) => flattened(key, value))
}

/** Where a file may nest what the options know flat; and the items of `lapis` in the spelling of code. */
function flattened(key: string, value: unknown): readonly (readonly [string, unknown])[] {
  if (blocks.includes(key)) {
    if (value === null) return []
    if (isMapping(value)) return Object.entries(value).map(([inner, one]) => [`${key}_${inner}`, one])
  }
  if (key === 'lapis' && Array.isArray(value))
    return [[key, value.map((item) => (isMapping(item) ? camelCased(item) : item))]]
  return [[key, value]]
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function camelCased(item: object): object {
  const spelled = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries(Object.entries(item).map(([key, value]) => [spelled(key), value]))
}

function toPlain(file: string, convert: () => unknown): unknown {
  try {
    return convert()
  } catch {
    // The library's own message may quote the file; what fails here is an alias without anchor or with too many uses.
    throw new BouncerError('ERR_CSB_CONFIG_FILE', `${file}: not valid YAML (an alias cannot be resolved)`)
  }
}
