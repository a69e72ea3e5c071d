import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Bouncer, type BouncerOptions, createBouncer, type Source } from '../../src/index.js'
import { decision, listSource } from '../source-of-decisions.js'

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
  return bouncer
}

/** A source that never delivers. */
function silentSource(name = 'list', settings?: string): Source {
  return { name, start() {}, stop() {}, ...(settings === undefined ? {} : { settings }) }
}

function logger(): { lines: string[]; debug(): void; info(): void; warn(line: string): void; error(): void } {
  const lines: string[] = []
  return { lines, debug() {}, info() {}, warn: (line) => void lines.push(line), error() {} }
}

describe('snapshotFile', () => {
  it('is written on stop, in force after a restart before the source answers, and replaced by what it says', async () => {
    const first = await run({ sources: [listSource([decision(), decision({ value: '5.5.5.5' })])] })
    await first.stop()
    const second = await run({ sources: [silentSource()] })
    expect([second.check('1.2.3.4').action, second.isReady()]).toEqual(['ban', false])
    await second.stop()
    const third = await run({ sources: [listSource([decision({ value: '6.6.6.6' })])] })
    expect([third.check('1.2.3.4').action, third.check('6.6.6.6').action, third.isReady()]).toEqual([
      'allow',
      'ban',
      true,
    ])
  })

  it('is written while running, at most every snapshotInterval', async () => {
    const bouncer = await run({ sources: [listSource([decision()])], snapshotInterval: 100 })
    await expect.poll(() => readdir(folder), { interval: 20 }).toEqual(['snapshot'])
    const written = await readFile(snapshotFile)
    await bouncer.stop()
    expect((await readFile(snapshotFile)).equals(written)).toBe(true)
  })

  it('is one file for each source', async () => {
    const sources = [listSource([decision()], 'one'), listSource([decision({ value: '5.5.5.5' })], 'the other')]
    await (await run({ sources })).stop()
    expect((await readdir(folder)).sort()).toEqual(['snapshot.one', 'snapshot.the%20other'])
    const again = await run({ sources: [silentSource('one'), silentSource('the other')] })
    expect([again.check('1.2.3.4').action, again.check('5.5.5.5').action]).toEqual(['ban', 'ban'])
  })

  it('is not used, with a warning, when damaged or made under other settings', async () => {
    const log = logger()
    await (await run({ sources: [listSource([decision()])] })).stop()
    const other = await run({ sources: [silentSource('list', 'another LAPI')], logger: log })
    const order = await run({ sources: [silentSource()], severityOrder: ['captcha', 'ban'], logger: log })
    await writeFile(snapshotFile, (await readFile(snapshotFile)).subarray(0, 100_000))
    const cut = await run({ sources: [silentSource()], logger: log })
    for (const bouncer of [other, order, cut]) expect(bouncer.check('1.2.3.4').action).toBe('allow')
    expect(log.lines).toEqual([
      expect.stringContaining('made under other settings'),
      expect.stringContaining('made under other settings'),
      expect.stringContaining('damaged'),
    ])
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
