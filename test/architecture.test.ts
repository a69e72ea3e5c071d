import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')

/** The floors of the house, ground first. A file may import from its own floor's room and from rooms of floors below. */
const FLOORS: readonly (readonly string[])[] = [
  ['src/errors.ts', 'src/logger.ts', 'src/version.ts', 'src/events.ts', 'src/diagnostics.ts', 'src/line-limit.ts'],
  ['src/net'],
  ['src/decisions', 'src/http'],
  ['src/lapi', 'src/capi'],
  ['src/sources', 'src/signals', 'src/remediation', 'src/metrics', 'src/geo'],
  ['src/config', 'src/policy.ts', 'src/bouncer-face.ts'],
  ['src/gate.ts', 'src/health-watch.ts', 'src/announcer.ts', 'src/start-wait.ts'],
  ['src/asking.ts'],
  ['src/bouncer.ts'],
  ['src/index.ts', 'src/open-gate.ts', 'src/capi-client.ts'],
  ['src/server', 'middleware'],
  ['src/cli'],
]

/** Rooms of one floor that may see each other, and from which side. Everything else on one floor is apart. */
const NEIGHBOURS: readonly (readonly [from: string, to: string])[] = [['src/events.ts', 'src/logger.ts']]

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
  throw new Error(`${file} stands in no room of the house; give it a floor in this test`)
}

function isAllowed({ from, to }: Import): boolean {
  if (to.startsWith(SIDE)) return from.startsWith(SIDE)
  if (from.startsWith(SIDE)) return true
  const source = roomOf(from)
  const target = roomOf(to)
  if (source.room === target.room) return source.room !== 'middleware'
  if (source.floor > target.floor) return true
  return NEIGHBOURS.some(([a, b]) => source.room === a && target.room === b)
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

describe('the house', () => {
  it('is read whole', () => {
    expect(files.length).toBeGreaterThan(50)
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
      { from: 'src/capi/capi-api.ts', to: 'src/signals/storage.ts' },
      { from: 'src/capi/capi-api.ts', to: 'src/lapi/lapi-client.ts' },
      { from: 'src/remediation/answer.ts', to: 'src/sources/source.ts' },
      { from: 'src/config/options.ts', to: 'src/bouncer.ts' },
      { from: 'middleware/express.ts', to: 'middleware/koa.ts' },
      { from: 'src/bouncer.ts', to: 'src/testing/index.ts' },
    ]
    expect(bad.filter(isAllowed)).toEqual([])
  })

  it('has no circle', () => {
    expect(findCircle()).toBeNull()
  })

  it('keeps frameworks above the bouncer', () => {
    const users = files.filter((file) => modulesOf(file).some((module) => FRAMEWORKS.has(module)))
    expect(users.filter((file) => !/^(middleware|src\/server)\//.test(file))).toEqual([])
  })
})
