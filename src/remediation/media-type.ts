/** Content negotiation by the `Accept` header (RFC 9110 section 12.5.1). */

/** The offer that the client likes best; of equals the first. The first offer too where it takes none or says nothing. */
export function chooseMediaType<Offer extends string>(
  accept: string | undefined,
  offers: readonly [Offer, ...Offer[]],
): Offer {
  if (accept === undefined || accept.trim() === '') return offers[0]
  const ranges = accept.split(',').map(parseRange)
  let best = offers[0]
  let bestQuality = 0
  for (const offer of offers) {
    const quality = qualityOf(offer, ranges)
    if (quality > bestQuality) {
      best = offer
      bestQuality = quality
    }
  }
  return best
}

interface MediaRange {
  readonly type: string
  readonly quality: number
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => parameter.startsWith('q='))
  const number = quality === undefined ? 1 : Number(quality.slice(2))
  return { type, quality: number >= 0 && number <= 1 ? number : 0 }
}

/** The most specific range that fits decides. */
function qualityOf(offer: string, ranges: readonly MediaRange[]): number {
  const family = `${offer.slice(0, offer.indexOf('/'))}/*`
  for (const pattern of [offer, family, '*/*']) {
    const range = ranges.find(({ type }) => type === pattern)
    if (range !== undefined) return range.quality
  }
  return 0
}
