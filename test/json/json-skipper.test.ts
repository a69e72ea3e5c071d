/** The skipper takes what JSON.parse takes: scalars one by one, then random values, whole and damaged. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonSkipper } from '../../src/json/json-skipper.js'

describe('JsonSkipper', () => {
  it.each([
    ...['0', '-0', '10', '-1.5', '0.0', '1e5', '1E+05', '1e-5', '12.34e56'],
    ...[
      'true',
      'false',
      'null',
      '""',
      '"a"',
      '"\\u12aF\\n\\/"',
      '"é😀\u007f"',
      '[]',
      '{}',
      '[[],{}]',
      '{"":{"a":[1,2]}}',
    ],
    ...[' [ 1 , 2 ] ', '\t{ "a" :\r\n1 }'],
  ])('takes %j', (text) => {
    expect(accepts(text)).toBe(true)
    expect(() => JSON.parse(text)).not.toThrow()
  })

  it.each([
    ...[
      '',
      ' ',
      '-',
      '+1',
      '01',
      '-01',
      '.5',
      '1.',
      '1.e5',
      '1e',
      '1e+',
      '1e5.5',
      '0x1',
      '1 2',
      '- 1',
      'NaN',
      'Infinity',
    ],
    ...['tru', 'truee', 'True', 'nul', "'a'", '"a', '"\\a"', '"\\u12g4"', '"\\u12"', '"\t"', '"\u0000"', 'a'],
    ...[
      '[',
      ']',
      '[1',
      '[1,]',
      '[,1]',
      '[1 2]',
      '[1}',
      '{',
      '{1:2}',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{,}',
      '{"a" 1}',
      '{"a":1]',
    ],
    ...['\ufeff1', '\u00a01', '\v1', '// a\n1', '[1]]'],
  ])('refuses %j', (text) => {
    expect(accepts(text)).toBe(false)
    expect(() => JSON.parse(text)).toThrow()
  })

  it('agrees with JSON.parse on random values with a character changed', () => {
    const character = fc.constantFrom(...'{}[]",:\\/ \n0123.-+eEutrnfalsé'.split(''))
    fc.assert(
      fc.property(fc.json(), fc.nat(), character, fc.nat(2), (text, position, put, lost) => {
        const at = position % (text.length + 1)
        for (const variant of [text, text.slice(0, at) + put + text.slice(at + lost)]) {
          expect(accepts(variant), variant).toBe(parses(variant))
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('leaves the bytes after the value', () => {
    const skipper = new JsonSkipper()
    for (const [text, taken] of [
      ['12,', 2],
      ['"a"b', 3],
      ['{} ', 2],
      ['nullnull', 4],
    ] as const) {
      skipper.begin()
      expect(skipper.feed(Buffer.from(text), 0, text.length)).toBe(taken)
      expect(skipper.done).toBe(true)
    }
  })
})

/** Whether the text is one value and white space; byte by byte, and in one piece. */
function accepts(text: string): boolean {
  const bytes = Buffer.from(`${text} `) // a number ends with the byte after it
  const whole = skip(bytes, bytes.length)
  expect(skip(bytes, 1)).toBe(whole)
  return whole
}

function skip(bytes: Buffer, step: number): boolean {
  const skipper = new JsonSkipper()
  let at = 0
  try {
    for (let end = step; end <= bytes.length && !skipper.done; end += step) at = skipper.feed(bytes, at, end)
  } catch {
    return false
  }
  return skipper.done && /^[ \t\r\n]*$/.test(bytes.toString('latin1', at))
}

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
