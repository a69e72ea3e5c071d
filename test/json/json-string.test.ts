/** Texts out of the bytes of JSON strings: cut like a slice of what JSON.parse gives, and the same out of the cache. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeJsonString, jsonBytesFor } from '../../src/json/json-string.js'
import { ByteInterner } from '../../src/lapi/byte-interner.js'

const unit = fc.oneof(
  fc.constantFrom('a', 'Z', '0', ' ', '/'),
  fc.constantFrom('\\"', '\\\\', '\\n', '\\u0041', '\\ud83d\\ude00', '\\udE00', 'é', '€', '😀'),
)
const rawString = fc.array(unit, { maxLength: 40 }).map((units) => units.join(''))

describe('decodeJsonString', () => {
  it('is the beginning of what JSON.parse gives, whatever comes around it', () => {
    fc.assert(
      fc.property(rawString, fc.integer({ min: 1, max: 50 }), (raw, limit) => {
        const bytes = Buffer.from(`\\"${raw}"x`)
        const to = bytes.length - 2
        const text = JSON.parse(`"${raw}"`).slice(0, limit)
        expect(decodeJsonString(bytes, 2, to, limit)).toBe(text)
        // Where more than enough bytes are at hand, those after them may be missing.
        const enough = Math.min(to, 2 + jsonBytesFor(limit) + 1)
        if (enough < to) expect(decodeJsonString(bytes.subarray(0, enough), 2, enough, limit)).toBe(text)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('ByteInterner', () => {
  it('gives the text of the bytes, however many texts went before', () => {
    const interner = new ByteInterner()
    const texts = fc.oneof(
      rawString,
      fc.nat(3000).map(String),
      fc.nat(300).map((length) => 'x'.repeat(length)),
    )
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 30 }), (raws) => {
        for (const raw of raws) {
          const bytes = Buffer.from(`"${raw}"`)
          expect(interner.intern(bytes, 1, bytes.length - 1, 1024)).toBe(JSON.parse(`"${raw}"`))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('tells texts of one hash apart', () => {
    const interner = new ByteInterner()
    const colliding = ['Aa', 'BB'].flatMap((a) => ['Aa', 'BB'].flatMap((b) => ['Aa', 'BB'].map((c) => a + b + c)))
    for (const text of [...colliding, ...colliding.reverse()]) {
      expect(interner.intern(Buffer.from(text), 0, text.length, 1024)).toBe(text)
    }
  })
})
