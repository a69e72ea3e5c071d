import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')

/** Rows of a table of CONTRIBUTING.md, in cells. */
const rows = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))

/** What a cell has in backquotes, without slashes at the end. */
const namesIn = (cell: string): string[] => Array.from(cell.matchAll(/`([^`]+?)\/?`/g), ([, name]) => name)

/** The floors of the house, ground first. A file may import from its own floor's room and from rooms of floors below. */
const FLOORS: readonly (readonly string[])[] = rows
  .filter(([, floor]) => /^\d+$/.test(floor ?? ''))
  .map(([, , rooms]) => namesIn(rooms))
  .reverse()

/** Rooms with rooms of their own, the lowest first; `itself` is the files that are in none of these. */
const WITHIN: ReadonlyMap<string, readonly string[]> = new Map(
  rows
    .filter(([, , rooms]) => rooms?.split(', ').includes('itself'))
    .map(([, room, rooms]) => [namesIn(room)[0], rooms.split(', ').map((name) => name.replaceAll('`', ''))]),
)

const SIDE = 'src/testing'
const FRAMEWORKS = new Set(['express', 'koa', 'fastify', 'hono'])

interface Import {
  readonly from: string
  readonly to: string
}

const files = ['src', 'middleware'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
)

/** Every module that a file names, in `import`, `export ... from` and `import()`. */
function modulesOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g)].map((match) => match[1])
}

const imports: readonly Import[] = files.flatMap((from) =>
  modulesOf(from)
    .filter((module) => module.startsWith('.'))
    .map((module) => ({ from, to: relative(ROOT, resolve(ROOT, dirname(from), module)).replace(/\.js$/, '.ts') })),
)

function roomOf(file: string): { readonly floor: number; readonly room: string } {
  for (const [floor, rooms] of FLOORS.entries()) {
    const room = rooms.find((name) => file === name || file.startsWith(`${name}/`))
    if (room !== undefined) return { floor, room }
  }
  throw new Error(`${file} stands in no room of the house; give it a floor in CONTRIBUTING.md`)
}

function isAllowed({ from, to }: Import): boolean {
  if (to.startsWith(SIDE)) return from.startsWith(SIDE)
  if (from.startsWith(SIDE)) return true
  const source = roomOf(from)
  const target = roomOf(to)
  if (source.room === target.room) return source.room !== 'middleware'
  return source.floor > target.floor
}

/** The place of a file in the order of its room's rooms; null where there is none. What a room gives away stands above all. */
function placeWithin(room: string, file: string): number | null {
  const order = WITHIN.get(room)
  if (order === undefined) return null
  if (file === `${room}/index.ts`) return order.length
  const [name, ...rest] = file.slice(room.length + 1).split('/')
  const place = order.indexOf(rest.length === 0 ? 'itself' : name)
  if (place === -1) throw new Error(`${file} stands in a room of ${room} that CONTRIBUTING.md does not name`)
  return place
}

function isAllowedWithin({ from, to }: Import): boolean {
  if (from.startsWith(SIDE) || to.startsWith(SIDE)) return true
  const { room } = roomOf(from)
  if (roomOf(to).room !== room) return true
  return (placeWithin(room, from) ?? 0) >= (placeWithin(room, to) ?? 0)
}

function findCircle(): string[] | null {
  const next = new Map<string, string[]>()
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to])
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return null
    path.push(file)
    for (const to of next.get(file) ?? []) {
      const circle = visit(to)
      if (circle !== null) return circle
    }
    path.pop()
    done.add(file)
    return null
  }
  for (const file of files) {
    const circle = visit(file)
    if (circle !== null) return circle
  }
  return null
}

/** What is loaded with a file, and with what that loads: neither `import type` nor `import()`. Our files by path, packages by name. */
function loadedWith(file: string, found = new Set<string>()): ReadonlySet<string> {
  const text = readFileSync(join(ROOT, file), 'utf8')
  for (const [, clause, module] of text.matchAll(
    /^(?:import|export)\s(?!type\s)([\w$\s{},*]*?)(?:\bfrom\s+)?'([^']+)'/gm,
  )) {
    if (/^\{(?:\s*type\s[^,}]*,?)*\s*\}\s*$/.test(clause)) continue
    const target = module.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), module)) : module
    const path = target.replace(/\.js$/, '.ts')
    if (found.has(path)) continue
    found.add(path)
    if (module.startsWith('.')) loadedWith(path, found)
  }
  return found
}

describe('the house', () => {
  it('is read whole', () => {
    expect(files.length).toBeGreaterThan(50)
    expect(FLOORS.length).toBeGreaterThan(10)
    expect(FLOORS.at(-1)).toEqual(['src/cli'])
    expect([...WITHIN.keys()]).toEqual(['src/config', 'src/capi', 'src/signals'])
    expect(imports.length).toBeGreaterThan(files.length)
    for (const { to } of imports) expect(files).toContain(to)
  })

  it('has imports that run downward only, and production never imports src/testing', () => {
    expect(imports.filter((one) => !isAllowed(one))).toEqual([])
  })

  it('would notice one that runs upward, sideways or aside', () => {
    const bad: Import[] = [
      { from: 'src/net/prefix.ts', to: 'src/decisions/scope.ts' },
      { from: 'src/lapi/lapi-client.ts', to: 'src/sources/source.ts' },
      { from: 'src/capi/api/capi-api.ts', to: 'src/signals/storage/storage.ts' },
      { from: 'src/capi/api/capi-api.ts', to: 'src/lapi/lapi-client.ts' },
      { from: 'src/remediation/answer.ts', to: 'src/sources/source.ts' },
      { from: 'src/config/options/options.ts', to: 'src/bouncer.ts' },
      { from: 'middleware/express.ts', to: 'middleware/koa.ts' },
      { from: 'src/bouncer.ts', to: 'src/testing/index.ts' },
    ]
    expect(bad.filter(isAllowed)).toEqual([])
  })

  it('has rooms within rooms that keep their order', () => {
    expect(imports.filter((one) => !isAllowedWithin(one))).toEqual([])
  })

  it('would notice one of these that runs upward', () => {
    const bad: Import[] = [
      { from: 'src/config/options/options.ts', to: 'src/config/parse-options.ts' },
      { from: 'src/config/parse-options.ts', to: 'src/config/create/create-sources.ts' },
      { from: 'src/capi/api/capi-api.ts', to: 'src/capi/machines/machines.ts' },
      { from: 'src/signals/storage/lease.ts', to: 'src/signals/sending/signal-sender.ts' },
    ]
    expect(bad.filter(isAllowedWithin)).toEqual([])
  })

  it('has no file that is longer than one idea', () => {
    const linesOf = (file: string) => readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1
    expect(files.filter((file) => linesOf(file) > 250)).toEqual([])
  })

  it('says in the first line of each file what it is for', () => {
    const begins = /^(?:#!.*\n)?\/\*\*/
    expect(files.filter((file) => !begins.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([])
  })

  it('has no circle', () => {
    expect(findCircle()).toBeNull()
  })

  it('does not load with a middleware what only those need who use CAPI', () => {
    const late = ['machines.ts', 'signal-sender.ts', 'open-storage.ts', 'memory-storage.ts', 'sql-storage.ts'].map(
      (name) => {
        const path = files.find((file) => file.endsWith(`/${name}`))
        if (path === undefined) throw new Error(`there is no ${name} any more`)
        return path
      },
    )
    const loaded = loadedWith('middleware/express.ts')
    expect([...loaded]).toEqual(expect.arrayContaining(['src/bouncer.ts', 'undici']))
    expect([...late, 'node-cron', 'kysely', 'pg', '@photostructure/sqlite'].filter((one) => loaded.has(one))).toEqual(
      [],
    )
  })

  it('imports a package that may be missing in one place, and there so that bundlers only warn', () => {
    const optional = ['kysely', 'maxmind', 'pg', '@photostructure/sqlite']
    const importsOf = (name: string) =>
      files.flatMap((file) => {
        const text = readFileSync(join(ROOT, file), 'utf8')
        const loads = [...text.matchAll(new RegExp(`.*\\n.*(?<!typeof )import\\('${name}'\\)`, 'g'))]
        const isLoadedAtOnce = modulesOf(file).includes(name) && loadedWith(file).has(name)
        return [...loads.map(([lines]) => lines), ...(isLoadedAtOnce ? [file] : [])]
      })
    for (const name of optional) {
      expect(importsOf(name), name).toEqual([`  try {\n    return await import('${name}')`])
    }
  })

  it('keeps frameworks above the bouncer', () => {
    const users = files.filter((file) => modulesOf(file).some((module) => FRAMEWORKS.has(module)))
    expect(users.filter((file) => !/^(middleware|src\/server)\//.test(file))).toEqual([])
  })
})
