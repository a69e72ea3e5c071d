import { appendFileSync, truncateSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, test } from 'vitest'
import { type Bouncer, type BouncerEvents, createBouncer } from '../../src/index.js'
import { silentLogger } from '../../src/logger.js'
import { parseDecisionList } from '../../src/sources/decision-list.js'
import { FileSource } from '../../src/sources/file-source.js'
import { StoreSink } from '../../src/sources/store-sink.js'
import { hangingFile } from '../hanging-file.js'
import { temporaryDirectory } from '../temporary-directory.js'

describe('parseDecisionList', () => {
  const text = [
    '# what this is',
    '',
    '203.0.113.7',
    '198.51.100.0/24   # an office',
    '192.0.2.10-192.0.2.20',
    '2001:DB8::/32',
    '  10.0.0.1  ',
    'not an address',
    '1.2.3.0/33',
    '9.9.9.9-9.9.9.1',
  ]

  test.each([['\n'], ['\r\n'], ['\r']])('a plain list with line ends %j', (end) => {
    const list = parseDecisionList(text.join(end), 'list.txt')
    expect(list.decisions.map(({ scope, value }) => [scope, value])).toEqual([
      ['Ip', '203.0.113.7'],
      ['Range', '198.51.100.0/24'],
      ['Range', '192.0.2.10-192.0.2.20'],
      ['Range', '2001:DB8::/32'],
      ['Ip', '10.0.0.1'],
    ])
    expect(list.decisions[0]).toEqual({
      origin: 'file',
      type: 'ban',
      scope: 'Ip',
      value: '203.0.113.7',
      duration: '87600h',
      scenario: 'list.txt',
    })
    expect(list.problems).toEqual([
      { place: 'line 8', message: 'expected an address, a CIDR or first-last, got "not an address"' },
      { place: 'line 9', message: 'expected an address, a CIDR or first-last, got "1.2.3.0/33"' },
      { place: 'line 10', message: 'expected an address, a CIDR or first-last, got "9.9.9.9-9.9.9.1"' },
    ])
  })

  it('a JSON array in the shape of the LAPI', () => {
    const list = parseDecisionList(
      JSON.stringify([
        { id: 1, origin: 'o', type: 'captcha', scope: 'Country', value: 'FR', duration: '1h', scenario: 's' },
        7,
        { value: '1.2.3.0/24' },
      ]),
      'list.json',
    )
    expect(list.decisions).toMatchObject([
      { type: 'captcha', scope: 'Country' },
      { type: 'ban', scope: 'Range', origin: 'file' },
    ])
    expect(list.problems).toEqual([{ place: 'element 2', message: expect.stringContaining('expected an object') }])
  })

  test.each([['{"new": []}'], ['[{"value":'], ['[1,]']])('%s is refused', (json) => {
    expect(() => parseDecisionList(json, 'x')).toThrow(SyntaxError)
  })
})

describe('a file, looked at every few milliseconds,', () => {
  /** Starts a source on it. What it delivers is told by how many decisions are held then. */
  function watched(path: string) {
    const held: number[] = []
    const failed: Error[] = []
    const sink = new StoreSink(
      {},
      {
        synced: (report) => void held.push(report.held),
        failed: (error) => void failed.push(error),
        refused() {},
      },
    )
    const source = new FileSource({ path, logger: silentLogger, interval: 5 })
    onTestFinished(() => source.stop())
    source.start(sink)
    return { source, held, failed }
  }

  it('that is overwritten line by line is read when that is over', async () => {
    const path = join(temporaryDirectory(), 'list')
    await writeFile(path, '192.0.2.1\n192.0.2.2\n')
    const { held } = watched(path)
    await expect.poll(() => held).toEqual([2])
    truncateSync(path)
    await new Promise<void>((resolve) => {
      let line = 0
      const writing = setInterval(() => {
        appendFileSync(path, `198.51.100.${line++}\n`)
        if (line < 100) return
        clearInterval(writing)
        resolve()
      }, 1)
    })
    await expect.poll(() => held).toEqual([2, 100])
  })

  it('that cannot be read is tried again, though it stays as it is', async () => {
    const path = join(temporaryDirectory(), 'list')
    await mkdir(path) // it can be looked at, but not read
    const { held, failed } = watched(path)
    await expect.poll(() => failed.length).toBeGreaterThan(2)
    expect(failed[0]).toMatchObject({ code: 'ERR_CSB_DECISIONS_FILE', message: expect.stringContaining('EISDIR') })
    await rmdir(path)
    await writeFile(path, '192.0.2.1\n')
    await expect.poll(() => held).toEqual([1])
  })
})

describe('decisionsFile', () => {
  let folder: string
  let file: string
  let bouncer: Bouncer
  const warnings: string[] = []
  const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => void warnings.push(line) }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'csb-file-'))
    file = join(folder, 'decisions.txt')
    warnings.length = 0
  })

  afterEach(async () => {
    await bouncer.stop()
    await rm(folder, { recursive: true })
  })

  function next<Name extends keyof BouncerEvents>(name: Name): Promise<BouncerEvents[Name]> {
    return new Promise((resolve) => {
      const listener = (...event: BouncerEvents[Name]) => {
        bouncer.off(name, listener)
        resolve(event)
      }
      bouncer.on(name, listener)
    })
  }

  it('is read, read again when it changes, and tells bad lines by their number', async () => {
    await writeFile(file, '1.2.3.4\nnonsense\n')
    bouncer = createBouncer({ decisionsFile: file, logger })
    await bouncer.start()
    expect([bouncer.check('1.2.3.4').action, bouncer.check('5.6.7.8').action]).toEqual(['ban', 'allow'])
    expect(warnings).toEqual([expect.stringMatching(/decisions\.txt, line 2 is skipped: .*"nonsense"$/)])
    const changed = next('synced')
    await writeFile(`${file}.new`, '5.6.7.8\n')
    await rename(`${file}.new`, file)
    await changed
    expect([bouncer.check('1.2.3.4').action, bouncer.check('5.6.7.8').action]).toEqual(['allow', 'ban'])
  })

  it('that is missing is an error with a code, and is read when it appears', async () => {
    bouncer = createBouncer({ decisionsFile: file, logger, startTimeout: 100 })
    const failed = next('error')
    await bouncer.start()
    expect((await failed)[0]).toMatchObject({ code: 'ERR_CSB_DECISIONS_FILE', message: expect.stringContaining(file) })
    const synced = next('synced')
    await writeFile(file, '1.2.3.4')
    await synced
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
  })

  it('on a drive that hangs holds up no stop', async () => {
    bouncer = createBouncer({ decisionsFile: hangingFile(), logger, startTimeout: 100 })
    await bouncer.start()
    await bouncer.stop()
    expect(bouncer.stats().sources).toMatchObject([{ state: 'starting', failures: 0 }])
  })

  it('that becomes unreadable leaves in force what it said', async () => {
    await writeFile(file, '[{"value":"1.2.3.4"}]')
    bouncer = createBouncer({ decisionsFile: file, logger })
    await bouncer.start()
    const failed = next('error')
    await writeFile(file, '[{"value":"1.2.3')
    expect((await failed)[0]).toMatchObject({ code: 'ERR_CSB_DECISIONS_FILE' })
    expect(bouncer.check('1.2.3.4').action).toBe('ban')
  })
})
