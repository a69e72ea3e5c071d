import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { createBouncer, type Logger } from '../../src/index.js'
import { oneLine, type RemediationFields, safeLogger, silentLogger } from '../../src/logger.js'
import { decision, listSource } from '../source-of-decisions.js'

/** A stream that remembers. */
function memory(): { readonly stream: Writable; readonly text: () => string } {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  return { stream, text: () => text }
}

/** winston's shape: methods that need their `this`, take meta data after the message and return the logger. */
class WinstonLike {
  readonly stream: Writable

  constructor(stream: Writable) {
    this.stream = stream
  }

  log(level: string, message: string, ...meta: unknown[]): this {
    this.stream.write(`${JSON.stringify({ level, message, meta })}\n`)
    return this
  }

  debug(message: string, ...meta: unknown[]): this {
    return this.log('debug', message, ...meta)
  }

  info(message: string, ...meta: unknown[]): this {
    return this.log('info', message, ...meta)
  }

  warn(message: string, ...meta: unknown[]): this {
    return this.log('warn', message, ...meta)
  }

  error(message: string, ...meta: unknown[]): this {
    return this.log('error', message, ...meta)
  }
}

const SENTENCE = '1.2.3.4 gets a ban by cscli, ssh-bf'

// What each makes of the sentence. The types must fit without a cast.
const SHAPES: readonly (readonly [string, (stream: Writable) => Logger, (text: string) => unknown])[] = [
  ['console', (stream) => new Console(stream), (line) => line],
  ['pino', (stream) => pino(stream), (line) => JSON.parse(line).msg],
  ['winston', (stream) => new WinstonLike(stream), (line) => JSON.parse(line).message],
]

test.each(SHAPES)('%s fits', async (_name, create, read) => {
  const { stream, text } = memory()
  const bouncer = createBouncer({ sources: [listSource([decision()])], logger: create(stream) })
  await bouncer.start()
  bouncer.check('1.2.3.4')
  await bouncer.stop()
  const lines = text().trim().split('\n')
  expect(lines.map(read)).toEqual([expect.stringContaining('Source list: in sync'), SENTENCE])
})

it('without a logger nothing is written anywhere', async () => {
  const writes = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')]
  onTestFinished(() => void vi.restoreAllMocks())
  const bouncer = createBouncer({ sources: [listSource([decision(), decision({ value: 'bad' })])] })
  await bouncer.start()
  bouncer.check('1.2.3.4')
  await bouncer.stop()
  expect(writes.flatMap((write) => write.mock.calls)).toEqual([])
})

describe('a logger made safe', () => {
  it('may throw', () => {
    const thrower = () => {
      throw new Error('disk full')
    }
    const logger = safeLogger({ debug: thrower, info: thrower, warn: thrower, error: thrower, remediation: thrower })
    for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(() => logger[level]('x')).not.toThrow()
    const fields = { address: '::1', action: 'ban', origin: '', scenario: '', dryRun: false }
    expect(() => logger.remediation?.(fields, 'x')).not.toThrow()
  })

  test.each([
    ['plain text, with umlauts äöü', 'plain text, with umlauts äöü'],
    ['one\ntwo\r\nthree', String.raw`one\u{a}two\u{d}\u{a}three`],
    ['\u001b[31mred\u001b[0m', String.raw`\u{1b}[31mred\u{1b}[0m`],
    ['a\u0000b\u007fc\u009bd', String.raw`a\u{0}b\u{7f}c\u{9b}d`],
    ['line\u2028paragraph\u2029', String.raw`line\u{2028}paragraph\u{2029}`],
    ['\u202egnp.exe', String.raw`\u{202e}gnp.exe`],
  ])('writes %j on one line', (text, shown) => {
    expect(oneLine(text)).toBe(shown)
  })
})

test('nor the sentence of a remediation that has fields, which are as they were', async () => {
  const records: (readonly [RemediationFields, string])[] = []
  const logger = { ...silentLogger, remediation: (...record: [RemediationFields, string]) => void records.push(record) }
  const scenario = 'ssh-bf\n\u001b[2K'
  const bouncer = createBouncer({ sources: [listSource([decision({ scenario })])], logger })
  await bouncer.start()
  bouncer.check('1.2.3.4')
  await bouncer.stop()
  expect(records).toEqual([
    [expect.objectContaining({ scenario }), String.raw`1.2.3.4 gets a ban by cscli, ssh-bf\u{a}\u{1b}[2K`],
  ])
})

test('what a visitor or a LAPI writes forges no line', async () => {
  const { stream, text } = memory()
  const forged = 'ssh-bf\n{"level":30,"msg":"9.9.9.9 gets a ban"}\u001b[2K'
  const bouncer = createBouncer({
    sources: [listSource([decision({ scenario: forged, origin: 'a\r\nb' }), decision({ value: 'bad\nvalue' })])],
    logger: new Console(stream),
    invalidAddressAction: 'ban',
  })
  await bouncer.start()
  bouncer.check('1.2.3.4')
  bouncer.check(`x\n${'y'.repeat(10_000)}`)
  await bouncer.stop()
  const lines = text().trim().split('\n')
  expect(lines).toHaveLength(4)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
  for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f]/)
  expect(lines[2]).toContain(String.raw`by a\u{d}\u{a}b, ssh-bf\u{a}{"level"`)
  expect(lines[3].length).toBeLessThan(200)
  expect(lines[3]).toContain('gets a ban by a failure policy')
})
