import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { type Bouncer, type BouncerEvents, createBouncer } from '../../src/index.js'
import { parseDecisionList } from '../../src/sources/decision-list.js'

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
