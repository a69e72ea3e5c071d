/** JSON in slices against JSON.parse: whatever the document, and wherever it is cut. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonSlicer, readSlicedJson, type SlicedJson } from '../../src/json/json-slices.js'

/** The document put together again: lists of the fourth level have their elements back. */
function whole({ frame, lists }: SlicedJson): unknown {
  const fill = (value: unknown, depth: number): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return depth === 4 ? lists[value[0]] : value.map((item) => fill(item, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fill(item, depth + 1)]))
  }
  return fill(frame, 1)
}

function sliced(text: string, chunkBytes: number, sliceBytes: number): unknown {
  const slicer = new JsonSlicer(sliceBytes)
  const bytes = Buffer.from(text)
  try {
    for (let at = 0; at < bytes.length; at += chunkBytes) slicer.write(bytes.subarray(at, at + chunkBytes))
    return whole(slicer.end())
  } catch (error) {
    if (error instanceof SyntaxError) return 'not JSON'
    throw error
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text).toString())
  } catch {
    return 'not JSON'
  }
}

const cuts = fc.record({ chunk: fc.integer({ min: 1, max: 40 }), slice: fc.integer({ min: 0, max: 40 }) })

describe('JsonSlicer', () => {
  it.each([
    '{"new":[{"scenario":"a/b","decisions":[{"value":"1.2.3.4","duration":"1h"},{"value":"::1"}]},{"decisions":[]}]}',
    '{"deleted":[{"decisions":["a","b\\"]","c\\\\",",",{"x":[1,[2,3]]}]}]}',
    '[[[[1,2],[3]]]]',
    '[[[[[1,2],[3]],4]]]',
    '[[[{"a":1}]]]',
    ' [ [ [ [ 1 , 2 ] ] ] ] ',
    'null',
    '"[[[["',
    '',
    '[[[[]]]',
    '[[[[1,]]]]',
    '[[[[1,,2]]]]',
    '[[[[,1]]]]',
    '[[[[   ,1]]]]',
    '[[[[1,   ]]]]',
    '[[[[1 2]]]]',
    '[[[[1}]]]',
    '[[[{1]]]]',
    '[[[[{]}]]]]',
    '[[[[1],]]]',
    '[[[[1]]]] 2',
    '[[[["a',
    ']]]]',
    '}}[[[[[[1]]',
    '<html>[[[[',
  ])('%s', (text) => {
    for (let chunk = 1; chunk <= 8; chunk++) {
      for (const slice of [0, 1, 2, 3, 5, 1000]) expect(sliced(text, chunk, slice)).toEqual(parsed(text))
    }
  })

  it('is JSON.parse for every document', () => {
    const deep = fc.array(
      fc.array(fc.dictionary(fc.string(), fc.array(fc.jsonValue({ maxDepth: 1 })), { maxKeys: 3 }), { maxLength: 3 }),
      { maxLength: 3 },
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue({ maxDepth: 6 }), deep),
        cuts,
        fc.constantFrom(0, 1),
        (value, { chunk, slice }, space) => {
          const text = JSON.stringify(value, null, space)
          expect(sliced(text, chunk, slice)).toEqual(parsed(text))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is JSON.parse for what is nearly a document', () => {
    const token = fc.constantFrom('[', '[[[[', ']', ']]]]', '{', '}', ',', ':', '"a"', '"', '\\', '1', ' ', 'é', 'null')
    fc.assert(
      fc.property(fc.array(token, { maxLength: 14 }), cuts, (tokens, { chunk, slice }) => {
        for (const text of [tokens.join(''), `[[[[${tokens.join('')}]]]]`, `[[[[1${tokens.join('')}1]]]]`]) {
          expect(sliced(text, chunk, slice)).toEqual(parsed(text))
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('readSlicedJson', () => {
  async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }

  it('lets others run while it reads', async () => {
    const decisions = Array.from({ length: 200_000 }, (_, i) => ({
      value: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
      duration: '1h',
    }))
    const bytes = Buffer.from(JSON.stringify({ new: [{ scenario: 'a/b', scope: 'ip', decisions }] }))
    let turns = 0
    const count = setInterval(() => turns++, 0)
    const read = await readSlicedJson(inChunks(bytes, 64 * 1024), bytes.length)
    clearInterval(count)
    expect(read?.lists.map((list) => list.length)).toEqual([200_000])
    expect(turns).toBeGreaterThan(2)
  })

  it('stops after so many bytes', async () => {
    const bytes = Buffer.from('[1,2,3]')
    expect(await readSlicedJson(inChunks(bytes, 2), 7)).toEqual({ frame: [1, 2, 3], lists: [] })
    expect(await readSlicedJson(inChunks(bytes, 2), 6)).toBeNull()
  })
})
