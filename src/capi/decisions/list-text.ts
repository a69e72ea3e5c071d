/** A downloaded list: its bytes as they came, given out line by line, so that 500,000 lines are never one string. */

import { StringDecoder } from 'node:string_decoder'

/** Far above any line that means something. What is longer is cut here, and then bad by its length. */
const LONGEST_LINE = 16_384

export class ListText {
  readonly #chunks: readonly Uint8Array[]

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks
  }

  /** What stands on the lines, with the number of each from 1 on: neither blank ones nor those that begin with `#`. */
  *lines(): Generator<readonly [number: number, text: string]> {
    let number = 0
    for (const line of this.#rawLines()) {
      number++
      const text = line.trim() // of a CR too, and of a byte order mark
      if (text !== '' && !text.startsWith('#')) yield [number, text]
    }
  }

  /** The same without the numbers. */
  values(): Iterable<string> {
    const lines = () => this.lines()
    return {
      *[Symbol.iterator]() {
        for (const [, text] of lines()) yield text
      },
    }
  }

  *#rawLines(): Generator<string> {
    const decoder = new StringDecoder('utf8')
    let begun = ''
    for (const chunk of this.#chunks) {
      const lines = (begun + decoder.write(chunk)).split('\n')
      begun = (lines.pop() ?? '').slice(0, LONGEST_LINE)
      yield* lines
    }
    yield begun + decoder.end()
  }
}
