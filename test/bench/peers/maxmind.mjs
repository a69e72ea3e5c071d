import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import maxmind from 'maxmind'
import { writeMmdb } from './mmdb-file.mjs'

export const name = 'maxmind'
export const note = 'static file, with its cache of 10,000'

export async function build(decisions, actions) {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  const path = join(folder, 'decisions.mmdb')
  await writeFile(path, writeMmdb(decisions, actions))
  const reader = await maxmind.open(path, { cache: { max: 10_000 } })
  await rm(folder, { recursive: true })
  return (text) => (reader.get(text) === null ? 0 : 1)
}
