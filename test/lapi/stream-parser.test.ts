/** The incremental parser of the decision stream: tables of cases, then random documents, cuts and damage against JSON.parse. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LONGEST_SCENARIO, LONGEST_TEXT } from '../../src/decisions/text-limits.js'
import type { WireDecision } from '../../src/decisions/wire-decision.js'
import { readDecisionStream } from '../../src/lapi/decision-stream.js'
import { type DecisionBatch, type DecisionStreamOptions, DecisionStreamParser } from '../../src/lapi/stream-parser.js'
import { damage, documents, naiveOutcome, naiveReading } from './random-documents.js'

const BAN = decision({
  id: 15,
  origin: 'cscli',
  type: 'ban',
  scope: 'Ip',
  value: '100.0.0.1',
  duration: '59m59.592255294s',
  scenario: "manual 'ban' from 'testmachine'",
})
const BAN_JSON =
  '{"duration":"59m59.592255294s","id":15,"origin":"cscli","scenario":"manual \'ban\' from \'testmachine\'","scope":"Ip","type":"ban","value":"100.0.0.1"}'
const CAPTCHA = decision({
  id: 2,
  origin: 'CAPI',
  type: 'captcha',
  scope: 'Range',
  value: '2001:db8:1::/48',
  duration: '-160.21393ms',
  scenario: 'crowdsecurity/http-probing',
})
const CAPTCHA_JSON =
  '{"duration":"-160.21393ms","id":2,"origin":"CAPI","scenario":"crowdsecurity/http-probing","scope":"Range","type":"captcha","value":"2001:db8:1::/48"}'

describe('documents', () => {
  it.each<[string, string, WireDecision[], WireDecision[]]>([
    ['LAPI up to 1.7.7, one of each', `{"deleted":[${CAPTCHA_JSON}],"new":[${BAN_JSON}]}`, [CAPTCHA], [BAN]],
    ['LAPI up to 1.7.7, nothing', '{"deleted":null,"new":null}', [], []],
    ['LAPI from 1.7.8, one of each', `{"new": [${BAN_JSON}], "deleted": [${CAPTCHA_JSON}]}`, [CAPTCHA], [BAN]],
    ['LAPI from 1.7.8, nothing', '{"new": [], "deleted": []}', [], []],
    ['several', `{"new":[${BAN_JSON},${CAPTCHA_JSON},${BAN_JSON}]}`, [], [BAN, CAPTCHA, BAN]],
    ['no keys', '{}', [], []],
    ['null', 'null', [], []],
    ['only one key', `{"deleted":[${BAN_JSON}]}`, [BAN], []],
    [
      'white space',
      ` \r\n\t{ "new" : [ ${BAN_JSON.replaceAll(/([{},:])(?=")/g, '$1 \n')} ] , "deleted" : null } \n`,
      [],
      [BAN],
    ],
    ['keys by escapes', '{"\\u006eew":[{"\\u0069d":7,"t\\u0079pe":"ban"}]}', [], [decision({ id: 7, type: 'ban' })]],
    [
      'unknown keys',
      `{"links":{"new":[{"id":1}],"a":[[],{},-1.5e+3,true,"x"]},"new":[${BAN_JSON}],"":false}`,
      [],
      [BAN],
    ],
    [
      'unknown fields',
      '{"new":[{"uuid":"ab-cd","simulated":false,"until":null,"x":{"id":9,"type":["ban"]},"id":1,"n":0.5}]}',
      [],
      [decision({ id: 1 })],
    ],
    [
      'near names',
      '{"new":[{"Id":1,"ID":2,"types":"a","tope":"b","valuf":"c","ip":3,"scenarix":"d","durations":"e"}]}',
      [],
      [decision({})],
    ],
    ['missing fields', '{"new":[{},{"value":"1.2.3.4"}]}', [], [decision({}), decision({ value: '1.2.3.4' })]],
    [
      'fields of the wrong kind',
      '{"new":[{"origin":1,"type":null,"scope":["Ip"],"value":{"value":"1.2.3.4"},"duration":5,"scenario":true}]}',
      [],
      [decision({})],
    ],
    [
      'the last of a name wins',
      '{"new":[{"type":"ban","id":1,"type":"captcha","id":2}]}',
      [],
      [decision({ id: 2, type: 'captcha' })],
    ],
    ['even of the wrong kind', '{"new":[{"type":"ban","id":1,"type":5,"id":"2"}]}', [], [decision({})]],
    [
      'elements that are no objects',
      `{"new":[null,1,-2.5,"x",true,[{"id":3}],${BAN_JSON}],"deleted":[[]]}`,
      [decision({})],
      [decision({}), decision({}), decision({}), decision({}), decision({}), decision({}), BAN],
    ],
    [
      'escapes',
      '{"new":[{"scenario":"a\\"b\\\\c\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00","value":"\\ud83d","type":"\\uDE00\\uD83D"}]}',
      [],
      [decision({ scenario: 'a"b\\c/\b\f\n\r\té😀', value: '\ud83d', type: '\ude00\ud83d' })],
    ],
    [
      'UTF-8',
      '{"new":[{"scenario":"naïve 😀","value":"Ελλάδα\u2028\u007f","type":"ｂａｎ"}]}',
      [],
      [decision({ scenario: 'naïve 😀', value: 'Ελλάδα\u2028\u007f', type: 'ｂａｎ' })],
    ],
  ])('%s', (_, text, deleted, fresh) => {
    const bytes = Buffer.from(text)
    expect(read([bytes])).toEqual({ deleted, new: fresh })
    expect(read(pieces(bytes, 1))).toEqual({ deleted, new: fresh })
    expect(read(pieces(bytes, 7))).toEqual({ deleted, new: fresh })
  })

  it.each<[string, number | string | undefined]>([
    ['0', 0],
    ['7', 7],
    ['999999999999999', 999_999_999_999_999],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740992', '9007199254740992'],
    ['9223372036854775807', '9223372036854775807'],
    ['18446744073709551615', '18446744073709551615'],
    ['123456789012345678901', undefined],
    [`1${'0'.repeat(200_000)}`, undefined],
    ['-1', undefined],
    ['-0', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['0.5', undefined],
    ['"7"', undefined],
    ['null', undefined],
    ['true', undefined],
    ['[7]', undefined],
  ])('id %.30s is %s', (text, id) => {
    const body = Buffer.from(`{"new":[{"id":${text}},{"id":${text},"type":"x"},{"id": ${text} }]}`)
    const expected = [decision({ id }), decision({ id, type: 'x' }), decision({ id })]
    expect(read([body]).new).toEqual(expected)
    expect(read(pieces(body, body.length > 1000 ? 64_000 : 1)).new).toEqual(expected)
  })

  it('takes malformed UTF-8 as TextDecoder does', () => {
    const broken = ['c3', 'e282', 'f09f98', 'ff', 'c080', 'eda080', 'f4908080', '80', 'efbbbf']
    for (const hex of broken) {
      const text = Buffer.from(hex, 'hex')
      const body = Buffer.concat([
        Buffer.from('{"new":[{"value":"a'),
        text,
        Buffer.from('b","scenario":"'),
        text,
        Buffer.from('\\n"}]}'),
      ])
      const shown = new TextDecoder('utf-8', { ignoreBOM: true }).decode(text)
      const expected = [decision({ value: `a${shown}b`, scenario: `${shown}\n` })]
      expect(read([body]).new).toEqual(expected)
      expect(read(pieces(body, 1)).new).toEqual(expected)
    }
  })

  it('does not build what nobody needs', () => {
    const text = `{"deleted":[${CAPTCHA_JSON},7,[null]],"new":[${BAN_JSON}],"more":[${BAN_JSON}]}`
    const options: DecisionStreamOptions = { sections: 'new' }
    expect(read([Buffer.from(text)], options)).toEqual({ deleted: [], new: [BAN] })
    expect(read(pieces(Buffer.from(text), 1), options)).toEqual({ deleted: [], new: [BAN] })
    expect(() => read([Buffer.from(text.replace(',7', ',07'))], options)).toThrow(/at byte/)
    expect(() => read([Buffer.from('{"deleted":{}}')], options)).toThrow(/expected a list of decisions or null/)
  })

  it.each(['x', 'é', '\\u00e9', '😀', '\\ud83d\\ude00', '\\n', 'x\\\\'])('cuts texts of a megabyte of %s', (unit) => {
    const raw = unit.repeat(Math.ceil(1_000_000 / unit.length))
    const text: string = JSON.parse(`"${raw}"`)
    const field = text.slice(0, LONGEST_TEXT + 1)
    const long = { origin: field, type: field, scope: field, value: field, duration: field }
    const members = Object.keys(long).map((name) => `"${name}":"${raw}"`)
    const body = Buffer.from(`{"${raw}":0,"new":[{${members.join()},"scenario":"${raw}","${raw}":1},${BAN_JSON}]}`)
    const expected = [decision({ ...long, scenario: text.slice(0, LONGEST_SCENARIO) }), BAN]
    for (const chunks of [[body], pieces(body, 65_536), pieces(body, 1001)]) {
      const found = read(chunks).new
      expect(found.length).toBe(2)
      for (const [index, one] of found.entries()) expect(one, `decision ${index}`).toEqual(expected[index])
    }
  })

  it('keeps texts of exactly the greatest length, and those one longer as too long', () => {
    const [most, more] = ['v'.repeat(LONGEST_TEXT), 'v'.repeat(LONGEST_TEXT + 1)]
    const body = Buffer.from(`{"new":[{"value":"${most}"},{"value":"${more}"},{"value":"${more}v"}]}`)
    for (const size of [body.length, 1000]) {
      expect(read(pieces(body, size)).new.map((one) => one.value)).toEqual([most, more, more])
    }
  })
})

describe('errors', () => {
  it.each([
    ['<!DOCTYPE html>\n<html>', 'at byte 0 expected a JSON object, got "<!DOCTYPE html>\\x0a". It looks like HTML'],
    ['\n <html>', 'at byte 2 expected a JSON object, got "<html>". It looks like HTML'],
    ['\ufeff{}', 'at byte 0 expected a JSON object, got "\\xef\\xbb\\xbf{}"'],
    ['[]', 'at byte 0 expected a JSON object, got "[]"'],
    ['"new"', 'at byte 0 expected a JSON object'],
    ['17', 'at byte 0 expected a JSON object'],
    ['true', 'at byte 0 expected a JSON object'],
    ['nil', 'at byte 1 expected "null", got "il"'],
    ['{} {}', 'at byte 3 expected nothing after the JSON object, got "{}"'],
    ['null null', 'at byte 5 expected nothing after the JSON object'],
    ['{]', 'at byte 1 expected a key in quotes or "}", got "]"'],
    ['{"a" 1}', 'at byte 5 expected ":", got "1}"'],
    ['{"a":1,}', 'at byte 7 expected a key in quotes, got "}"'],
    ['{"a":1 "b":2}', 'at byte 7 expected "," or "}"'],
    ['{"a":}', 'at byte 5 expected a value'],
    ['{"new":{}}', 'at byte 7 expected a list of decisions or null'],
    ['{"deleted":0}', 'at byte 11 expected a list of decisions or null'],
    ['{"new":[],"new":[]}', 'at byte 14 expected only one "new"'],
    ['{"deleted":null,"\\u0064eleted":[]}', 'expected only one "deleted"'],
    ['{"new":[,]}', 'at byte 8 expected a value'],
    ['{"new":[{},]}', 'at byte 11 expected a value'],
    ['{"new":[{} {}]}', 'at byte 11 expected "," or "]"'],
    ['{"new":[{}}', 'at byte 10 expected "," or "]"'],
    ['{"new":[{"id":1,}]}', 'at byte 16 expected a key in quotes, got "}]}"'],
    ['{"new":[{,}]}', 'at byte 9 expected a key in quotes or "}"'],
    ['{"new":[{"id" 1}]}', 'at byte 14 expected ":"'],
    ['{"new":[{"id":}]}', 'at byte 14 expected a value'],
    ['{"new":[{"id":01}]}', 'at byte 15 expected "," or "}"'],
    ['{"new":[{"id":1]}', 'at byte 15 expected "," or "}"'],
    ['{"new":[{"id":-}]}', 'at byte 15 expected a digit'],
    ['{"new":[{"id":1.}]}', 'at byte 16 expected a digit'],
    ['{"new":[{"id":1e}]}', 'at byte 16 expected a digit or a sign'],
    ['{"new":[{"type":"a\nb"}]}', 'at byte 18 expected a string without control characters, got "\\x0ab"}]}"'],
    ['{"new":[{"type":"\\x"}]}', 'at byte 18 expected one of "\\/bfnrtu after a backslash'],
    ['{"new":[{"type":"\\u00g0"}]}', 'at byte 21 expected four hexadecimal digits'],
    ['{"new":[{"type":"ban" "scope":"Ip"}]}', 'at byte 22 expected "," or "}"'],
    [`{"a":${'['.repeat(65)}`, 'at byte 69 expected at most 64 containers'],
  ])('%j', (text, message) => {
    const bytes = Buffer.from(text)
    for (const chunks of [[bytes], pieces(bytes, 1)]) {
      const parser = new DecisionStreamParser()
      const error = thrown(() => {
        for (const chunk of chunks) parser.write(chunk)
      })
      // An excerpt ends where its chunk ends.
      for (const part of chunks.length === 1 ? [message] : message.split(/, got ".*"(?:\. |$)/)) {
        expect(error).toMatchObject({ code: 'ERR_CSB_LAPI_BODY', message: expect.stringContaining(part) })
      }
      expect(thrown(() => parser.write(Buffer.from(' ')))).toBe(error)
      expect(thrown(() => parser.end())).toBe(error)
    }
  })

  it('shows no more of the body than sixteen bytes', () => {
    const error = thrown(() => read([Buffer.from(`{"new":[x${'y'.repeat(5000)}`)]))
    expect(error).toMatchObject({ message: expect.stringMatching(/got "xy{15}"$/) })
  })

  it('allows 64 containers within one another', () => {
    const deep = `${'[{"a":'.repeat(32)}0${'}]'.repeat(32)}`
    expect(read([Buffer.from(`{"a":${deep},"new":[{"a":${deep}}]}`)]).new).toEqual([decision({})])
  })

  it('throws at the end of every prefix, and not before', () => {
    const text = `{"links":{"a":[1.5e3,"\\u00e9é"]},"deleted":[${CAPTCHA_JSON},null],"new":[${BAN_JSON},{"id":-1,"x":true}]}`
    const body = Buffer.from(text)
    for (let length = 0; length < body.length; length++) {
      for (const chunks of [[body.subarray(0, length)], pieces(body.subarray(0, length), 1)]) {
        const parser = new DecisionStreamParser()
        for (const chunk of chunks) parser.write(chunk)
        const found = length === 0 ? 'is empty' : `ends early, after ${length} bytes`
        expect(thrown(() => parser.end())).toMatchObject({
          code: 'ERR_CSB_LAPI_BODY',
          message: expect.stringContaining(found),
        })
      }
    }
    expect(read([body]).new.length).toBe(2)
  })
})

describe('write', () => {
  it('gives one and the same empty batch where nothing is complete', () => {
    const parser = new DecisionStreamParser()
    const nothing = parser.write(Buffer.from('{"new":['))
    expect(nothing).toEqual({ deleted: [], new: [] })
    expect(parser.write(Buffer.from('{"id":1'))).toBe(nothing)
    const batch = parser.write(Buffer.from('}'))
    expect(parser.write(Buffer.from(',{'))).toBe(nothing)
    parser.write(Buffer.from('"id":2},'))
    expect(batch).toEqual({ deleted: [], new: [decision({ id: 1 })] }) // the caller's for good
  })

  it('takes any Uint8Array, and does not look at it again', () => {
    const frame = new Uint8Array(600)
    const body = new TextEncoder().encode(`{"new":[${BAN_JSON}]}`)
    const parser = new DecisionStreamParser()
    const found: WireDecision[] = []
    for (const chunk of pieces(body, 50)) {
      frame.fill(0x78)
      frame.set(chunk, 100)
      found.push(...parser.write(frame.subarray(100, 100 + chunk.length)).new)
    }
    frame.fill(0)
    parser.end()
    expect(found).toEqual([BAN])
  })
})

describe('against JSON.parse', () => {
  it('reads random documents alike, however they are cut', () => {
    fc.assert(
      fc.property(
        documents([BAN_JSON, CAPTCHA_JSON]),
        fc.array(fc.nat(), { maxLength: 12 }),
        ({ text, twin }, cuts) => {
          const bytes = Buffer.from(text)
          const expected = naiveReading(JSON.parse(twin))
          expect(read([bytes])).toEqual(expected)
          expect(read(cutAt(bytes, cuts))).toEqual(expected)
          expect(read(pieces(bytes, 1))).toEqual(expected)
          expect(read(cutAt(bytes, cuts), { sections: 'new' })).toEqual({ deleted: [], new: expected.new })
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('refuses exactly what JSON.parse refuses of damaged documents', () => {
    let refused = 0
    let read_ = 0
    fc.assert(
      fc.property(
        documents([BAN_JSON, CAPTCHA_JSON]),
        fc.array(damage(), { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (document, harm, cuts) => {
          const bytes = harm.reduce<Buffer>((now, one) => one(now), Buffer.from(document.text))
          const expected = naiveOutcome(bytes)
          for (const chunks of [[bytes], cutAt(bytes, cuts), pieces(bytes, 1)]) {
            const actual = outcome(chunks)
            // JSON.parse does not tell of a name that comes twice.
            if (typeof actual === 'string' && /only one "(new|deleted)"/.test(actual)) return
            // Nor that the first of two was no list.
            const isTwice = (bytes.toString().match(/"(new|deleted)"/g)?.length ?? 0) > 1
            if (isTwice && typeof actual === 'string' && /expected a list of decisions/.test(actual)) return
            if (typeof expected === 'string' || typeof actual === 'string')
              expect(typeof actual, String(actual)).toBe(typeof expected)
            else expect(withoutIds(actual)).toEqual(withoutIds(expected))
          }
          if (typeof expected === 'string') refused++
          else read_++
        },
      ),
      { numRuns: 4000 },
    )
    // Both outcomes must come up, or nothing was tested.
    expect(refused).toBeGreaterThan(400)
    expect(read_).toBeGreaterThan(400)
  })
})

describe('readDecisionStream', () => {
  it('cuts large chunks in slices and gives the event loop its turn', async () => {
    const body = Buffer.from(`{"deleted":[${CAPTCHA_JSON}],"new":[${Array(100_000).fill(BAN_JSON).join()}]}`)
    let turns = 0
    let ticking = setImmediate(function tick() {
      turns++
      ticking = setImmediate(tick)
    })
    let decisions = 0
    let largest = 0
    for await (const batch of readDecisionStream(once(body))) {
      decisions += batch.new.length + batch.deleted.length
      largest = Math.max(largest, batch.new.length)
    }
    clearImmediate(ticking)
    expect(decisions).toBe(100_001)
    expect(largest).toBeLessThanOrEqual(16_384 / BAN_JSON.length + 1)
    expect(turns).toBeGreaterThanOrEqual(3)
  })

  it('asks for the next bytes only when the caller comes back, and closes the body when it does not', async () => {
    const log: string[] = []
    async function* body() {
      try {
        for (const id of [1, 2, 3]) {
          log.push(`asked ${id}`)
          yield Buffer.from(`${id === 1 ? '{"new":[' : ','}{"id":${id}}`)
        }
      } finally {
        log.push('closed')
      }
    }
    for await (const batch of readDecisionStream(body())) {
      log.push(`got ${batch.new[0]?.id}`)
      if (batch.new[0]?.id === 2) break
    }
    expect(log).toEqual(['asked 1', 'got 1', 'asked 2', 'got 2', 'closed'])
  })

  it('throws where the body is malformed, ends early or fails, and closes it', async () => {
    let closed = 0
    async function* body(text: string, error?: Error) {
      try {
        yield Buffer.from(text)
        if (error) throw error
      } finally {
        closed++
      }
    }
    const drain = async (source: AsyncIterable<Uint8Array>) => {
      for await (const _ of readDecisionStream(source, { sections: 'new' }));
    }
    await expect(drain(body('{"new":[}'))).rejects.toMatchObject({ code: 'ERR_CSB_LAPI_BODY' })
    await expect(drain(body('{"new":['))).rejects.toThrow(/ends early, after 8 bytes/)
    await expect(drain(body(''))).rejects.toThrow(/is empty/)
    const reset = new Error('socket hang up')
    await expect(drain(body('{"new":[', reset))).rejects.toBe(reset)
    await expect(drain(body('{"new":[]}'))).resolves.toBeUndefined()
    expect(closed).toBe(5)
  })
})

function decision(fields: Partial<WireDecision>): WireDecision {
  return { id: undefined, origin: '', type: '', scope: '', value: '', duration: '', scenario: '', ...fields }
}

function read(chunks: Iterable<Uint8Array>, options?: DecisionStreamOptions): DecisionBatch {
  const parser = new DecisionStreamParser(options)
  const found: { deleted: WireDecision[]; new: WireDecision[] } = { deleted: [], new: [] }
  for (const chunk of chunks) {
    const batch = parser.write(chunk)
    found.deleted.push(...batch.deleted)
    found.new.push(...batch.new)
  }
  parser.end()
  return found
}

function outcome(chunks: Iterable<Uint8Array>): DecisionBatch | string {
  try {
    return read(chunks)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_CSB_LAPI_BODY' })
    return String(error)
  }
}

function thrown(run: () => void): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const marks = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return marks.slice(1).map((mark, index) => bytes.subarray(marks[index], mark))
}

async function* once(bytes: Uint8Array) {
  yield bytes
}

function withoutIds(batch: DecisionBatch): DecisionBatch {
  const strip = (one: WireDecision) => ({ ...one, id: undefined })
  return { deleted: batch.deleted.map(strip), new: batch.new.map(strip) }
}
