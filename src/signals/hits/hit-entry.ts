/** What is known of the hits of one address and scenario within one window: how many, when, what was done, and some of their context. */

/** What is told of one hit, read only when it is wanted. */
export interface HitContext {
  /** Which keys there are. */
  readonly keys: readonly string[]
  read(key: string): string | undefined
}

/** One remediated request, or one signal of the user's own. */
export interface Hit {
  /** `blocked`: a decision was carried out. `reported`: the user says so. The two are counted apart. */
  readonly kind: 'blocked' | 'reported'
  readonly address: string
  readonly scenario: string
  /** What was done; empty where that is not known. */
  readonly action: string
  /** Where the decision came from and of which type it was; empty where there was none. */
  readonly origin: string
  readonly type: string
  /** Empty: the usual one. */
  readonly message: string
  readonly context: HitContext | null
  /** Unix milliseconds; undefined: now. */
  readonly at: number | undefined
}

/** The distinct texts that hits had under one key. */
export interface ContextTexts {
  readonly key: string
  readonly texts: string[]
}

/** Of each key, more than so many distinct texts tell nothing new. */
export const MOST_TEXTS = 5
/** Keys beyond are left out. */
export const MOST_KEYS = 12
/** In UTF-16 units; what is longer is cut. */
export const LONGEST_TEXT = 200

export class HitEntry {
  readonly kind: Hit['kind']
  /** Canonical. */
  readonly address: string
  readonly scenario: string
  readonly message: string
  readonly context: ContextTexts[] = []
  count = 0
  /** Unix milliseconds. */
  first: number
  last: number
  /** Of the last hit, like what follows. */
  action = ''
  origin = ''
  type = ''
  /** Of the same address, with another scenario. */
  next: HitEntry | null = null
  /** Of the signal that is made of it; given once, so that a second try to store it makes no second signal. */
  uuid: string | null = null

  constructor(address: string, hit: Hit, at: number) {
    this.kind = hit.kind
    this.address = address
    this.scenario = hit.scenario
    this.message = hit.message
    this.first = at
    this.last = at
  }

  add(hit: Hit, at: number): void {
    this.count++
    if (at < this.first) this.first = at
    if (at > this.last) this.last = at
    this.action = hit.action
    this.origin = hit.origin
    this.type = hit.type
    const { context } = hit
    if (context === null) return
    const { keys } = context
    for (let i = 0; i < keys.length; i++) {
      const text = context.read(keys[i])
      if (text !== undefined && text !== '') this.#addText(keys[i], i, text)
    }
  }

  /** `at`: where the key stands, if all hits have the same keys. */
  #addText(key: string, at: number, text: string): void {
    const known = this.context[at]?.key === key ? this.context[at] : this.context.find((one) => one.key === key)
    if (known !== undefined) {
      if (known.texts.length < MOST_TEXTS && !isAmong(known.texts, text)) known.texts.push(ownCopy(text))
    } else if (this.context.length < MOST_KEYS) this.context.push({ key: ownCopy(key), texts: [ownCopy(text)] })
  }
}

function isAmong(texts: readonly string[], text: string): boolean {
  if (text.length <= LONGEST_TEXT) return texts.includes(text)
  const length = keptLength(text)
  return texts.some((known) => known.length === length && text.startsWith(known))
}

/** Not in the middle of a character that takes two units. */
function keptLength(text: string): number {
  if (text.length <= LONGEST_TEXT) return text.length
  return (text.charCodeAt(LONGEST_TEXT - 1) & 0xfc00) === 0xd800 ? LONGEST_TEXT - 1 : LONGEST_TEXT
}

/**
 * Cut, and with characters of its own: a part of a header that is kept would keep the whole header. What is no Unicode, and the
 * zero that PostgreSQL takes in no text, is replaced.
 */
function ownCopy(text: string): string {
  const copy = Buffer.from(text.slice(0, keptLength(text))).toString()
  return copy.includes('\0') ? copy.replaceAll('\0', '\ufffd') : copy
}
