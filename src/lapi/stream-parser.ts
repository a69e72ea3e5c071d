/**
 * The incremental parser of `GET /v1/decisions/stream`: bytes in, decisions out, as they come.
 * Hot: under a microsecond a decision (155 bytes), two new strings and one object. Holds nothing but the piece of a token
 * that a chunk cut in two.
 */

import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { LONGEST_TEXT } from '../decisions/text-limits.js'
import type { WireDecision } from '../decisions/wire-decision.js'
import { BouncerError } from '../errors.js'
import { DecisionBuilder, fieldAt, fieldNamed, ID, idOf, OTHER_FIELD } from './decision-builder.js'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isDigit,
  isSpace,
  LOWER_N,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLAIN_BYTE,
  QUOTE,
  ZERO,
} from './json-bytes.js'
import { JsonMismatch, JsonSkipper } from './json-skipper.js'
import { decodeJsonString, jsonBytesFor } from './json-string.js'

/** About a hundred decisions: short even before the code is compiled, long enough that a slice costs nothing. */
const SLICE_BYTES = 16 * 1024
const LONGEST_TURN_MS = 4

export interface DecisionStreamOptions {
  /**
   * `new`: decisions under `deleted` are validated as JSON but not built. A startup answer carries tens of megabytes of
   * old deletions that nobody needs. Default `both`.
   */
  readonly sections?: 'both' | 'new'
}

/** The decisions that one write completed, in the order of each list. */
export interface DecisionBatch {
  readonly deleted: readonly WireDecision[]
  readonly new: readonly WireDecision[]
}

const NOTHING: DecisionBatch = Object.freeze({ deleted: Object.freeze([]), new: Object.freeze([]) })

// What comes next. The document: an object whose members `new` and `deleted` are lists of decisions.
const AT_DOCUMENT = 0
const AT_FIRST_KEY = 1
const AT_KEY = 2
const AT_COLON = 3
const AT_VALUE = 4
const AFTER_VALUE = 5
const AT_FIRST_ELEMENT = 6
const AT_ELEMENT = 7
const AFTER_ELEMENT = 8
const AT_FIRST_FIELD = 9
const AT_FIELD = 10
const AT_FIELD_COLON = 11
const AT_FIELD_VALUE = 12
const AFTER_FIELD = 13
const AFTER_DOCUMENT = 14
// Within a value that nobody needs, or within a string or number that is carried over until it is complete.
const IN_SKIPPED = 15
const IN_CARRIED = 16

// The members of the document, as bits of a set.
const OTHER = 0
const NEW = 1
const DELETED = 2

/** What is carried of a token: a quote, as many bytes as count, and one that tells that there were more. */
const CARRY_BYTES = 1 + jsonBytesFor(LONGEST_TEXT + 1) + 1

export class DecisionStreamParser {
  readonly #buildsDeleted: boolean
  readonly #builder = new DecisionBuilder()
  readonly #skipper = new JsonSkipper()
  #state = AT_DOCUMENT
  #offset = 0
  #failure: BouncerError | undefined
  #deleted: WireDecision[] = []
  #new: WireDecision[] = []
  #section = OTHER
  #sectionsSeen = 0
  #field = OTHER_FIELD
  /** The state once the skipper is done. */
  #after = AT_DOCUMENT
  #carry: Buffer | undefined
  #carried = 0

  constructor(options: DecisionStreamOptions = {}) {
    this.#buildsDeleted = options.sections !== 'new'
  }

  /**
   * Takes the next bytes and gives the decisions that they complete; the arrays are the caller's, the bytes are not kept.
   * Where no decision is complete, the answer is one frozen empty batch. Throws `ERR_CSB_LAPI_BODY` where the bytes are
   * no decision stream; every later call throws it again.
   *
   * What JSON.parse would accept and this does not: a document other than an object or null, `new` or `deleted` twice or
   * with a value other than a list or null, and more than 64 containers within one another.
   * What is odd within a list is a decision with empty texts or without an id: whoever holds the decisions judges those.
   */
  write(chunk: Uint8Array): DecisionBatch {
    if (this.#failure) throw this.#failure
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    try {
      this.#run(bytes)
    } catch (error) {
      if (!(error instanceof JsonMismatch)) throw error
      this.#failure = malformed(error, bytes, this.#offset, this.#state === AT_DOCUMENT)
      throw this.#failure
    }
    this.#offset += bytes.length
    if (this.#new.length === 0 && this.#deleted.length === 0) return NOTHING
    const batch = { deleted: this.#deleted, new: this.#new }
    this.#deleted = []
    this.#new = []
    return batch
  }

  /** Says that no more bytes come. Throws `ERR_CSB_LAPI_BODY` if the document is not complete. */
  end(): void {
    if (this.#failure) throw this.#failure
    if (this.#state === AFTER_DOCUMENT) return
    const what = this.#offset === 0 ? 'is empty' : `ends early, after ${this.#offset} bytes`
    this.#failure = new BouncerError('ERR_CSB_LAPI_BODY', `The LAPI's answer ${what}: expected a complete JSON object`)
    throw this.#failure
  }

  #run(bytes: Buffer): void {
    const end = bytes.length
    let at = 0
    while (at < end) {
      if (this.#state >= IN_SKIPPED) at = this.#feedSkipper(bytes, at, end)
      else if (isSpace(bytes[at])) at++
      else at = this.#step(bytes, at, end)
    }
  }

  #step(bytes: Buffer, at: number, end: number): number {
    const byte = bytes[at]
    switch (this.#state) {
      case AT_FIRST_FIELD:
        if (byte === CLOSE_BRACE) return this.#endDecision(at)
        if (byte !== QUOTE) throw new JsonMismatch('a key in quotes or "}"', at)
        return this.#fields(bytes, at, end)
      case AT_FIELD:
        if (byte !== QUOTE) throw new JsonMismatch('a key in quotes', at)
        return this.#fields(bytes, at, end)
      case AT_FIELD_COLON:
        if (byte !== COLON) throw new JsonMismatch('":"', at)
        return this.#goOn(AT_FIELD_VALUE, at)
      case AT_FIELD_VALUE:
        return this.#fieldValue(byte, at)
      case AFTER_FIELD:
        if (byte === CLOSE_BRACE) return this.#endDecision(at)
        if (byte !== COMMA) throw new JsonMismatch('"," or "}"', at)
        return this.#goOn(AT_FIELD, at)
      case AT_FIRST_ELEMENT:
        if (byte === CLOSE_BRACKET) return this.#goOn(AFTER_VALUE, at)
        return this.#element(byte, at)
      case AT_ELEMENT:
        return this.#element(byte, at)
      case AFTER_ELEMENT:
        if (byte === CLOSE_BRACKET) return this.#goOn(AFTER_VALUE, at)
        if (byte !== COMMA) throw new JsonMismatch('"," or "]"', at)
        return this.#goOn(AT_ELEMENT, at)
      default:
        return this.#documentStep(byte, at)
    }
  }

  #documentStep(byte: number, at: number): number {
    switch (this.#state) {
      case AT_DOCUMENT:
        if (byte === LOWER_N) return this.#skip(AFTER_DOCUMENT, at)
        if (byte !== OPEN_BRACE) throw new JsonMismatch('a JSON object', at)
        return this.#goOn(AT_FIRST_KEY, at)
      case AT_FIRST_KEY:
        if (byte === CLOSE_BRACE) return this.#goOn(AFTER_DOCUMENT, at)
        if (byte !== QUOTE) throw new JsonMismatch('a key in quotes or "}"', at)
        return this.#carryOver(AT_COLON, at)
      case AT_KEY:
        if (byte !== QUOTE) throw new JsonMismatch('a key in quotes', at)
        return this.#carryOver(AT_COLON, at)
      case AT_COLON:
        if (byte !== COLON) throw new JsonMismatch('":"', at)
        return this.#goOn(AT_VALUE, at)
      case AT_VALUE:
        return this.#documentValue(byte, at)
      case AFTER_VALUE:
        if (byte === CLOSE_BRACE) return this.#goOn(AFTER_DOCUMENT, at)
        if (byte !== COMMA) throw new JsonMismatch('"," or "}"', at)
        return this.#goOn(AT_KEY, at)
      default:
        throw new JsonMismatch('nothing after the JSON object', at)
    }
  }

  #goOn(state: number, at: number): number {
    this.#state = state
    return at + 1
  }

  #documentValue(byte: number, at: number): number {
    if (this.#section === OTHER) return this.#skip(AFTER_VALUE, at)
    // Empty lists come as null up to LAPI 1.7.7 (a nil slice in Go), as [] since.
    if (byte === LOWER_N) return this.#skip(AFTER_VALUE, at)
    if (byte !== OPEN_BRACKET) throw new JsonMismatch('a list of decisions or null', at)
    if (this.#section === DELETED && !this.#buildsDeleted) return this.#skip(AFTER_VALUE, at)
    return this.#goOn(AT_FIRST_ELEMENT, at)
  }

  #element(byte: number, at: number): number {
    this.#builder.begin()
    if (byte === OPEN_BRACE) return this.#goOn(AT_FIRST_FIELD, at)
    // No object: a decision without fields, so that it is refused and counted where the others go on.
    this.#emit()
    return this.#skip(AFTER_ELEMENT, at)
  }

  #endDecision(at: number): number {
    this.#emit()
    return this.#goOn(AFTER_ELEMENT, at)
  }

  #emit(): void {
    if (this.#section === NEW) this.#new.push(this.#builder.build())
    else this.#deleted.push(this.#builder.build())
  }

  /**
   * The hot loop, entered at the quote of a key. Takes fields that lie whole in the chunk, in plain ASCII and without
   * white space: none, some or all. The first that is anything else stays untouched and goes the slow way, step by step.
   */
  #fields(bytes: Buffer, at: number, end: number): number {
    this.#state = AT_FIELD
    while (at < end && bytes[at] === QUOTE) {
      let to = at + 1
      while (to < end && PLAIN_BYTE[bytes[to]] === 1) to++
      if (to + 2 >= end || bytes[to] !== QUOTE || bytes[to + 1] !== COLON) break
      const field = fieldAt(bytes, at + 1, to)

      let from = to + 2
      let next = from
      let id: number | undefined
      if (bytes[from] === QUOTE) {
        to = ++from
        while (to < end && PLAIN_BYTE[bytes[to]] === 1) to++
        if (to + 1 >= end || bytes[to] !== QUOTE) break
        next = to + 1
      } else {
        if (field !== ID || bytes[from] === ZERO) break
        id = 0
        while (next < end && isDigit(bytes[next])) id = id * 10 + (bytes[next++] - ZERO)
        if (next === end || next === from || next - from > 15) break // 15 digits are exact in a double
      }

      const byte = bytes[next]
      if (byte !== COMMA && byte !== CLOSE_BRACE) break
      if (field === ID) this.#builder.setId(id)
      else this.#builder.setPlainText(field, bytes, from, to)
      if (byte === CLOSE_BRACE) return this.#endDecision(next)
      at = next + 1
    }
    return at < end && bytes[at] === QUOTE ? this.#carryOver(AT_FIELD_COLON, at) : at
  }

  #fieldValue(byte: number, at: number): number {
    const field = this.#field
    if (field === ID ? isDigit(byte) : field !== OTHER_FIELD && byte === QUOTE) return this.#carryOver(AFTER_FIELD, at)
    this.#builder.clear(field)
    return this.#skip(AFTER_FIELD, at)
  }

  /** Has the value that begins at `at` validated and nothing more. */
  #skip(after: number, at: number): number {
    this.#skipper.begin()
    this.#state = IN_SKIPPED
    this.#after = after
    return at
  }

  /** Has the string or number that begins at `at` validated and its bytes carried over to `#take`. */
  #carryOver(after: number, at: number): number {
    this.#skipper.begin()
    this.#state = IN_CARRIED
    this.#after = after
    this.#carried = 0
    return at
  }

  #feedSkipper(bytes: Buffer, at: number, end: number): number {
    const next = this.#skipper.feed(bytes, at, end)
    if (this.#state === IN_CARRIED) {
      this.#carry ??= Buffer.allocUnsafe(CARRY_BYTES)
      // copy() stops at the end of its target: the rest is validated, but not kept.
      if (this.#carried < CARRY_BYTES) bytes.copy(this.#carry, this.#carried, at, next)
      this.#carried += next - at
      if (this.#skipper.done) this.#take(this.#carry, next - 1)
    }
    if (this.#skipper.done) this.#state = this.#after
    return next
  }

  /** Uses what was carried over for what it was wanted for. `at` is its last byte. */
  #take(carry: Buffer, at: number): void {
    const to = Math.min(this.#carried - 1, CARRY_BYTES)
    if (this.#after === AT_COLON) this.#beginSection(decodeJsonString(carry, 1, to, LONGEST_TEXT), at)
    else if (this.#after === AT_FIELD_COLON) this.#field = fieldNamed(decodeJsonString(carry, 1, to, LONGEST_TEXT))
    else if (this.#field === ID) this.#builder.setId(idOf(carry.toString('latin1', 0, to + 1)))
    else this.#builder.setText(this.#field, carry, 1, to)
  }

  #beginSection(key: string, at: number): void {
    this.#section = key === 'new' ? NEW : key === 'deleted' ? DELETED : OTHER
    if ((this.#sectionsSeen & this.#section) !== 0) throw new JsonMismatch(`only one "${key}"`, at)
    this.#sectionsSeen |= this.#section
  }
}

function malformed(mismatch: JsonMismatch, bytes: Buffer, offset: number, nothingYet: boolean): BouncerError {
  let came = ''
  for (const byte of bytes.subarray(mismatch.at, mismatch.at + 16)) {
    came += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  }
  const hint = nothingYet && came.startsWith('<') ? '. It looks like HTML: does the URL lead to a LAPI?' : ''
  return new BouncerError(
    'ERR_CSB_LAPI_BODY',
    `The LAPI's answer is not a decision stream: at byte ${offset + mismatch.at} expected ${mismatch.message}, got "${came}"${hint}`,
  )
}

/**
 * The decisions of a response body, as they come. A body that ends early or is malformed throws `ERR_CSB_LAPI_BODY`; an
 * error of the body itself is thrown on. The next bytes are only asked for when the caller comes back, and the event loop
 * gets its turn after about 4 ms of work, even where the bytes are all in memory.
 */
export async function* readDecisionStream(
  body: AsyncIterable<Uint8Array>,
  options?: DecisionStreamOptions,
): AsyncGenerator<DecisionBatch, void, undefined> {
  const parser = new DecisionStreamParser(options)
  let turnStarted = performance.now()
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const batch = parser.write(chunk.subarray(at, at + SLICE_BYTES))
      if (batch !== NOTHING) yield batch
      if (performance.now() - turnStarted > LONGEST_TURN_MS) {
        await turnOfTheLoop()
        turnStarted = performance.now()
      }
    }
  }
  parser.end()
}
