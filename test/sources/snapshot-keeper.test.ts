import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Bouncer, type BouncerOptions, createBouncer, type Source } from '../../src/index.js'
import { decision, listSource, toldSource } from '../source-of-decisions.js'

let folder: string
let snapshotFile: string
const running: Bouncer[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'csb-keeper-'))
  snapshotFile = join(folder, 'snapshot')
})

afterEach(async () => {
  for (const bouncer of running.splice(0)) await bouncer.stop()
  await rm(folder, { recursive: true })
})

async function run(options: BouncerOptions): Promise<Bouncer> {
  const bouncer = createBouncer({ snapshotFile, startTimeout: 200, ...options })
  running.push(bouncer)
  await bouncer.start()
  for (const source of options.sources ?? []) if (source instanceof SilentSource) await source.started
  return bouncer
}

/** A source that never delivers. It is started when its snapshot has been read, which may take longer than the bouncer waits. */
class SilentSource implements Source {
  readonly name: string
  readonly settings: string
  start: () => void = () => {}
  readonly started: Promise<void>

  constructor(name = 'list', settings = '') {
    this.name = name
    this.settings = settings
    this.started = new Promise((resolve) => {
      this.start = resolve
    })
  }

  stop() {}
}

function logger(): { lines: string[]; debug(): void; info(): void; warn(line: string): void; error(): void } {
  const lines: string[] = []
  return { lines, debug() {}, info() {}, warn: (line) => void lines.push(line), error() {} }
}

describe('snapshotFile', () => {
  it('is written on stop, in force after a restart before the source answers, and replaced by what it says', async () => {
    const first = await run({ sources: [listSource([decision(), decision({ value: '5.5.5.5' })])] })
    await first.stop()
    const second = await run({ sources: [new SilentSource()] })
    expect([second.check('1.2.3.4').action, second.isReady()]).toEqual(['ban', false])
    await second.stop()
    const third = await run({ sources: [listSource([decision({ value: '6.6.6.6' })])] })
    expect([third.check('1.2.3.4').action, third.check('6.6.6.6').action, third.isReady()]).toEqual([
      'allow',
      'ban',
      true,
    ])
  })

  it('is written with the first full sync, which a process may not outlive for long, and not before', async () => {
    const { source, sink: toCome } = toldSource()
    await run({ sources: [source] })
    const sink = await toCome
    await sink.apply({ new: [decision()] })
    expect(await readdir(folder)).toEqual([])
    await sink.replaceAll([decision({ value: '5.5.5.5' })])
    await expect.poll(() => readdir(folder), { interval: 20 }).toEqual(['snapshot'])
    const again = await run({ sources: [new SilentSource()] })
    expect([again.check('5.5.5.5').action, again.check('1.2.3.4').action]).toEqual(['ban', 'allow'])
  })

  it('is then written while running, at most every snapshotInterval', async () => {
    const { source, sink: toCome } = toldSource()
    const bouncer = await run({ sources: [source], snapshotInterval: 2_000 })
    const sink = await toCome
    await sink.replaceAll([decision()])
    await expect.poll(() => readdir(folder), { interval: 20 }).toEqual(['snapshot'])
    const first = await readFile(snapshotFile)
    await sink.apply({ new: [decision({ value: '5.5.5.5' })] })
    expect((await readFile(snapshotFile)).equals(first)).toBe(true)
    await expect.poll(async () => (await readFile(snapshotFile)).equals(first), { interval: 20 }).toBe(false)
    const second = await readFile(snapshotFile)
    await bouncer.stop()
    expect((await readFile(snapshotFile)).equals(second)).toBe(true)
  })

  it('is left as it is where the first sync changes nothing of it', async () => {
    await (await run({ sources: [listSource([decision()])] })).stop()
    const written = await stat(snapshotFile, { bigint: true })
    const { source, sink } = toldSource('any success')
    const bouncer = await run({ sources: [source] })
    await (await sink).apply({})
    expect([bouncer.isReady(), bouncer.check('1.2.3.4').action]).toEqual([true, 'ban'])
    await bouncer.stop()
    expect((await stat(snapshotFile, { bigint: true })).mtimeNs).toBe(written.mtimeNs)
  })

  it('is not put in force, nor spoken of, after a stop that came meanwhile', async () => {
    await (await run({ sources: [listSource([decision()])] })).stop()
    const log = logger()
    const lines: string[] = []
    const bouncer = createBouncer({ snapshotFile, sources: [new SilentSource()], logger: { ...log, info: told } })
    function told(line: string): void {
      lines.push(line)
    }
    bouncer.startInBackground()
    await bouncer.stop()
    lines.push('stopped')
    // Another reading of the same file, begun later, is over: so is the first.
    await run({ sources: [new SilentSource()] })
    expect([bouncer.check('1.2.3.4').action, lines, log.lines]).toEqual(['allow', ['stopped'], []])
  })

  it('is one file for each source', async () => {
    const sources = [listSource([decision()], 'one'), listSource([decision({ value: '5.5.5.5' })], 'the other')]
    await (await run({ sources })).stop()
    expect((await readdir(folder)).sort()).toEqual(['snapshot.one', 'snapshot.the%20other'])
    const again = await run({ sources: [new SilentSource('one'), new SilentSource('the other')] })
    expect([again.check('1.2.3.4').action, again.check('5.5.5.5').action]).toEqual(['ban', 'ban'])
  })

  it('is not used, with a warning, when damaged or made under other settings', async () => {
    const log = logger()
    await (await run({ sources: [listSource([decision()])] })).stop()
    const other = await run({ sources: [new SilentSource('list', 'another LAPI')], logger: log })
    const order = await run({ sources: [new SilentSource()], severityOrder: ['captcha', 'ban'], logger: log })
    await writeFile(snapshotFile, (await readFile(snapshotFile)).subarray(0, 100_000))
    const cut = await run({ sources: [new SilentSource()], logger: log })
    for (const bouncer of [other, order, cut]) expect(bouncer.check('1.2.3.4').action).toBe('allow')
    expect(log.lines).toEqual([
      expect.stringContaining('made under other settings'),
      expect.stringContaining('made under other settings'),
      expect.stringContaining('damaged'),
    ])
  })

  it('is written later where it could not be, though nothing changes any more', async () => {
    const repeated: string[] = []
    const log = { ...logger(), debug: (line: string) => void repeated.push(line) }
    const missing = join(folder, 'later')
    const options = { snapshotFile: join(missing, 'snapshot'), snapshotInterval: 100, logger: log }
    await run({ sources: [listSource([decision()])], ...options })
    await expect.poll(() => repeated).toContainEqual(expect.stringContaining('cannot be written'))
    expect(log.lines.length).toBe(1)
    await mkdir(missing)
    await expect.poll(() => readdir(missing), { interval: 20 }).toEqual(['snapshot'])
  })

  it('is not written after the stop, whatever is delivered then', async () => {
    const [late, other] = [toldSource(), toldSource()]
    const options = { snapshotInterval: 100 }
    const stopped = await run({ sources: [late.source], ...options })
    const otherFile = join(folder, 'other')
    await run({ sources: [other.source], snapshotFile: otherFile, ...options })
    await stopped.stop()
    await (await late.sink).replaceAll([decision()])
    // When another one, told later, has written for the second time, the interval is over for both.
    await (await other.sink).replaceAll([decision()])
    await expect.poll(() => readdir(folder), { interval: 20 }).toEqual(['other'])
    const first = await readFile(otherFile)
    await (await other.sink).apply({ new: [decision({ value: '5.5.5.5' })] })
    await expect.poll(async () => (await readFile(otherFile)).equals(first), { interval: 20 }).toBe(false)
    expect(await readdir(folder)).toEqual(['other'])
  })

  it('that cannot be written costs a warning and nothing else', async () => {
    const log = logger()
    const bouncer = await run({
      sources: [listSource([decision()])],
      snapshotFile: join(folder, 'no', 'where'),
      logger: log,
    })
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
    await bouncer.stop()
    expect(log.lines).toEqual([expect.stringContaining('cannot be written')])
  })
})
