/** Signals from a file or a pipe: one JSON document a line, or one JSON array of them. Read line by line, unless it is an array. */

import { StringDecoder } from 'node:string_decoder'
import { BouncerError } from '../../errors.js'

/** A document, and where it stands: `line 3`, or in an array `item 3`. */
export interface SignalRecord {
  readonly where: string
  /** `undefined`: it is no JSON. */
  readonly content: unknown
}

/** Throws `ERR_CSB_SIGNAL` for an array that is no JSON. Blank lines count as lines and are no records. */
export async function* readSignalRecords(
  input: AsyncIterable<Uint8Array | string> | Iterable<string>,
): AsyncGenerator<SignalRecord> {
  let number = 0
  const array: string[] = []
  for await (const line of lines(input)) {
    number++
    if (array.length > 0) array.push(line)
    else if (line.trimStart().startsWith('[')) array.push(line)
    else if (line.trim() !== '') yield { where: `line ${number}`, content: parsed(line) }
  }
  if (array.length === 0) return
  const items = parsed(array.join('\n'))
  if (!Array.isArray(items)) throw new BouncerError('ERR_CSB_SIGNAL', 'what begins with "[" is no JSON array')
  for (const [index, content] of items.entries()) yield { where: `item ${index + 1}`, content }
}

async function* lines(input: AsyncIterable<Uint8Array | string> | Iterable<string>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let begun = ''
  for await (const chunk of input) {
    const [first, ...rest] = (typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))).split('\n')
    begun += first
    for (const part of rest) {
      yield begun
      begun = part
    }
  }
  yield begun + decoder.end()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    return undefined
  }
}
