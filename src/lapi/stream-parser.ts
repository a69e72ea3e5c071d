/**
 * The incremental parser of `GET /v1/decisions/stream`: bytes in, decisions out, as they come. Holds nothing but the piece of a
 * token that a chunk cut in two. This is the document around the decisions; what one of them costs is in decision-parser.ts.
 */

import type { WireDecision } from '../decisions/wire-decision.js'
import { BouncerError } from '../errors.js'
import { CarriedToken } from '../json/carried-token.js'
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isSpace,
  LOWER_N,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from '../json/json-bytes.js'
import { JsonMismatch } from '../json/json-mismatch.js'
import { JsonSkipper } from '../json/json-skipper.js'
import { DecisionParser } from './decision-parser.js'
import { malformedAnswer } from './malformed-answer.js'

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
const AFTER_DOCUMENT = 9
// Within a decision, a key, or a value that nobody needs.
const IN_DECISION = 10
const IN_KEY = 11
const IN_SKIPPED = 12

// The members of the document, as bits of a set.
const OTHER = 0
const NEW = 1
const DELETED = 2

const LONGEST_KEY = 'deleted'.length + 1

export class DecisionStreamParser {
  readonly #buildsDeleted: boolean
  readonly #decision = new DecisionParser()
  readonly #key = new CarriedToken(LONGEST_KEY)
  readonly #skipper = new JsonSkipper()
  #state = AT_DOCUMENT
  #offset = 0
  #failure: BouncerError | undefined
  #deleted: WireDecision[] = []
  #new: WireDecision[] = []
  #section = OTHER
  #sectionsSeen = 0
  /** The state once the skipper is done. */
  #after = AT_DOCUMENT

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
      const place = { offset: this.#offset, isFirst: this.#state === AT_DOCUMENT }
      this.#failure = malformedAnswer(error, bytes, place)
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
      if (this.#state >= IN_DECISION) at = this.#feed(bytes, at, end)
      else if (isSpace(bytes[at])) at++
      else at = this.#step(bytes[at], at)
    }
  }

  #feed(bytes: Buffer, at: number, end: number): number {
    if (this.#state === IN_DECISION) {
      const next = this.#decision.feed(bytes, at, end)
      if (!this.#decision.done) return next
      this.#emit()
      this.#state = AFTER_ELEMENT
      return next
    }
    const token = this.#state === IN_KEY ? this.#key : this.#skipper
    const next = token.feed(bytes, at, end)
    if (!token.done) return next
    if (this.#state === IN_KEY) this.#beginSection(this.#key.text(), next - 1)
    else this.#state = this.#after
    return next
  }

  #step(byte: number, at: number): number {
    switch (this.#state) {
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
        return this.#beginKey(at)
      case AT_KEY:
        if (byte !== QUOTE) throw new JsonMismatch('a key in quotes', at)
        return this.#beginKey(at)
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
    this.#decision.begin()
    if (byte === OPEN_BRACE) return this.#goOn(IN_DECISION, at)
    // No object: a decision without fields, so that it is refused and counted where the others go on.
    this.#emit()
    return this.#skip(AFTER_ELEMENT, at)
  }

  #emit(): void {
    if (this.#section === NEW) this.#new.push(this.#decision.build())
    else this.#deleted.push(this.#decision.build())
  }

  /** Has the value that begins at `at` validated and nothing more. */
  #skip(after: number, at: number): number {
    this.#skipper.begin()
    this.#state = IN_SKIPPED
    this.#after = after
    return at
  }

  #beginKey(at: number): number {
    this.#key.begin()
    this.#state = IN_KEY
    return at
  }

  /** `at`: the end of the key. */
  #beginSection(key: string, at: number): void {
    this.#section = key === 'new' ? NEW : key === 'deleted' ? DELETED : OTHER
    if ((this.#sectionsSeen & this.#section) !== 0) throw new JsonMismatch(`only one "${key}"`, at)
    this.#sectionsSeen |= this.#section
    this.#state = AT_COLON
  }
}
