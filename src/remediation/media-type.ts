/**
 * Content negotiation by the `Accept` header (RFC 9110 section 12.5.1). The same few headers come again and again, above all
 * in a flood, so what was chosen for them is remembered.
 */

/** Characters. What stands behind is not read: nobody honest writes so much. */
const LONGEST_ACCEPT = 1000
const MOST_REMEMBERED = 500

interface Wish {
  readonly quality: number
  /** Where it stands in the header. */
  readonly position: number
}

export class MediaTypeChoice<Offer extends string> {
  readonly #offers: readonly [Offer, ...Offer[]]
  readonly #remembered = new Map<string, Offer>()

  constructor(offers: readonly [Offer, ...Offer[]]) {
    this.#offers = offers
  }

  /**
   * The offer that the client likes best; of equals the one it names rather than covers by a wildcard, then the one it names
   * first, then the first offered. The first offered too where it takes none or says nothing.
   */
  choose(accept: string | readonly string[] | undefined): Offer {
    if (accept === undefined) return this.#offers[0]
    const text = (typeof accept === 'string' ? accept : accept.join(',')).slice(0, LONGEST_ACCEPT)
    const remembered = this.#remembered.get(text)
    if (remembered !== undefined) return remembered
    const chosen = this.#choose(readWishes(text))
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear()
    this.#remembered.set(text, chosen)
    return chosen
  }

  #choose(wishes: ReadonlyMap<string, Wish>): Offer {
    let best = this.#offers[0]
    let bestScore = [0, 0, 0]
    for (const offer of this.#offers) {
      // The most specific range that fits decides about an offer.
      const ranges = [offer, `${offer.slice(0, offer.indexOf('/'))}/*`, '*/*']
      const generality = ranges.findIndex((range) => wishes.has(range))
      const wish = wishes.get(ranges[generality] ?? '')
      if (wish === undefined || wish.quality === 0) continue
      const score = [wish.quality, -generality, -wish.position]
      if (isGreater(score, bestScore)) {
        best = offer
        bestScore = score
      }
    }
    return best
  }
}

/** By the first number that differs. */
function isGreater(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((number, index) => number !== other[index])
  return at !== -1 && (one[at] ?? 0) > (other[at] ?? 0)
}

/** What is no media range fits no offer, and so does no harm. */
function readWishes(accept: string): ReadonlyMap<string, Wish> {
  const wishes = new Map<string, Wish>()
  for (const [position, part] of accept.toLowerCase().split(',').entries()) {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1'
    if (range !== '' && !wishes.has(range)) wishes.set(range, { quality: readQuality(quality), position })
  }
  return wishes
}

function readQuality(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0
}
