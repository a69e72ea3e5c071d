/**
 * JSON.parse for an answer that holds long lists in groups, `{"new":[{"decisions":[...]}]}`, without holding up the process: the
 * lists of the fourth level are parsed in slices, the rest in one piece at the end. Takes what JSON.parse takes, and no more.
 * JSON.parse alone blocks 18 ms for 100,000 decisions and 140 ms for 500,000; this, 4 ms and what the collector takes.
 */

import { TimeSlice } from '../time-slice.js'
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './json-bytes.js'

/** About a thousand decisions, which take a third of a millisecond. */
const SLICE_BYTES = 64 * 1024

/** The document, the section, the group, the list. */
const LIST_DEPTH = 4

export interface SlicedJson {
  /** The document, in which every list of the fourth level holds nothing but its number among `lists`. */
  readonly frame: unknown
  readonly lists: readonly (readonly unknown[])[]
}

/** Null where there are more than `longest` bytes. Throws `SyntaxError` where it is not JSON, and what `body` throws. */
export async function readSlicedJson(body: AsyncIterable<Uint8Array>, longest: number): Promise<SlicedJson | null> {
  const slicer = new JsonSlicer()
  let length = 0
  const slice = new TimeSlice()
  for await (const chunk of body) {
    length += chunk.length
    if (length > longest) return null
    slicer.write(chunk)
    if (slice.isOver()) await slice.rest()
  }
  return slicer.end()
}

export class JsonSlicer {
  readonly #sliceBytes: number
  readonly #lists: unknown[][] = []
  /** What is outside the lists. */
  readonly #frame: (Uint8Array | string)[] = []
  /** What is read of the current slice, up to this chunk. */
  #slice: Uint8Array[] = []
  #sliceLength = 0
  /** The list that is being read; null outside. */
  #list: unknown[] | null = null
  #isCut = false
  #depth = 0
  #inString = false
  #isEscaped = false

  constructor(sliceBytes = SLICE_BYTES) {
    this.#sliceBytes = sliceBytes
  }

  /** Keeps `chunk`. Throws `SyntaxError`. */
  write(chunk: Uint8Array): void {
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (byte === BACKSLASH) this.#isEscaped = true
        else if (byte === QUOTE) this.#inString = false
      } else if (byte === QUOTE) this.#inString = true
      else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
        this.#depth++
        if (this.#depth !== LIST_DEPTH || byte === OPEN_BRACE) continue
        this.#take(chunk, start, at + 1)
        this.#openList()
        start = at + 1
      } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
        this.#depth--
        if (this.#depth !== LIST_DEPTH - 1 || this.#list === null) continue
        this.#take(chunk, start, at)
        this.#closeList()
        start = at // the bracket itself goes to the frame, where a wrong one is found
      } else if (byte === COMMA && this.#list !== null && this.#depth === LIST_DEPTH) {
        if (this.#sliceLength + at - start < this.#sliceBytes) continue
        this.#take(chunk, start, at)
        this.#cut(true)
        start = at + 1
      }
    }
    this.#take(chunk, start, chunk.length)
  }

  /** Throws `SyntaxError`. */
  end(): SlicedJson {
    const frame = this.#frame.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))
    return { frame: JSON.parse(Buffer.concat(frame).toString()), lists: this.#lists }
  }

  #take(chunk: Uint8Array, start: number, end: number): void {
    if (start === end) return
    const piece = chunk.subarray(start, end)
    if (this.#list === null) this.#frame.push(piece)
    else {
      this.#slice.push(piece)
      this.#sliceLength += piece.length
    }
  }

  #openList(): void {
    this.#frame.push(String(this.#lists.length))
    this.#list = []
    this.#lists.push(this.#list)
    this.#isCut = false
  }

  #closeList(): void {
    this.#cut(false)
    this.#list = null
  }

  /** `isComma`: more must follow. A cut takes a comma away, so that nothing on one side of it would go unseen. */
  #cut(isComma: boolean): void {
    const items: unknown[] = JSON.parse(`[${Buffer.concat(this.#slice, this.#sliceLength).toString()}]`)
    if (items.length === 0 && (isComma || this.#isCut)) throw new SyntaxError('expected an element beside a comma')
    for (const item of items) this.#list?.push(item)
    this.#slice = []
    this.#sliceLength = 0
    this.#isCut = isComma
  }
}
