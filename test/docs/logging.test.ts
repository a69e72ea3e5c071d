import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/logging.md'), 'utf8')

/** Every text between single quotes in the sources that looks like this. */
function inSources(pattern: RegExp): string[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const found = files.flatMap((file) => readFileSync(join(ROOT, 'src', file), 'utf8').match(pattern) ?? [])
  return [...new Set(found.map((text) => text.slice(1, -1)))].sort()
}

function firstCells(pattern: RegExp): string[] {
  return Array.from(page.matchAll(pattern), ([, cell]) => cell).sort()
}

it('docs/logging.md has each code of a warning, and no other', () => {
  expect(inSources(/'CSB_[A-Z_]+'/g).length).toBeGreaterThan(1)
  expect(firstCells(/^\| `(CSB_\w+)` \|/gm)).toEqual(inSources(/'CSB_[A-Z_]+'/g))
})

it('docs/logging.md has each channel', () => {
  expect(firstCells(/^\| `(crowdsec-bouncer:\w+)` \|/gm)).toEqual(inSources(/'crowdsec-bouncer:\w+'/g))
})
