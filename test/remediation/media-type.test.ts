import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { BAN_MEDIA_TYPES, type BanMediaType } from '../../src/remediation/ban-answers.js'
import { MediaTypeChoice } from '../../src/remediation/media-type.js'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'
const choose = (accept: string | readonly string[] | undefined) =>
  new MediaTypeChoice<BanMediaType>(BAN_MEDIA_TYPES).choose(accept)

describe('the offer that is chosen', () => {
  test.each<[string, string | readonly string[] | undefined, BanMediaType]>([
    ['nothing is said', undefined, 'text/html'],
    ['an empty header', '', 'text/html'],
    ['a browser', BROWSER, 'text/html'],
    ['curl', '*/*', 'text/html'],
    ['an image element', 'image/avif,image/webp,image/*,*/*;q=0.8', 'text/html'],
    [
      'axios: what is named goes before what a wildcard covers',
      'application/json, text/plain, */*',
      'application/json',
    ],
    ['jQuery', 'application/json, text/javascript, */*; q=0.01', 'application/json'],
    ['JSON', 'application/json', 'application/json'],
    ['upper case and blanks', '  Application/JSON ; Q=1 ', 'application/json'],
    ['a parameter', 'application/json; charset=utf-8', 'application/json'],
    ['problem details', 'application/problem+json', 'application/problem+json'],
    ['problem details before JSON', 'application/problem+json, application/json', 'application/problem+json'],
    ['JSON before problem details', 'application/json, application/problem+json', 'application/json'],
    ['any kind of application', 'application/*', 'application/json'],
    ['text', 'text/plain', 'text/plain'],
    ['text before HTML', 'text/plain, text/html', 'text/plain'],
    ['any kind of text', 'text/*', 'text/html'],
    ['weights', 'text/html;q=0.1, application/json;q=0.2', 'application/json'],
    ['weights against order', 'application/json;q=0.5, text/*;q=0.4', 'application/json'],
    ['a weight of 1.000', 'text/html;q=0.999, text/plain;q=1.000', 'text/plain'],
    ['HTML is refused', 'text/html;q=0, */*', 'application/json'],
    ['all is refused', '*/*;q=0', 'text/html'],
    ['nothing fits', 'image/png', 'text/html'],
    ['garbage', 'garbage;;;,,', 'text/html'],
    ['a weight that is none', 'application/json;q=9, text/plain;q=0.1', 'text/plain'],
    ['the first of two is what counts', 'application/json;q=0.1, text/plain;q=0.5, application/json;q=1', 'text/plain'],
    ['several lines', ['image/png', 'application/json'], 'application/json'],
    ['no line', [], 'text/html'],
    ['10 kB', `${'image/png, '.repeat(1000)}application/json`, 'text/html'],
  ])('%s', (_name, accept, chosen) => {
    expect(choose(accept)).toBe(chosen)
  })

  it('is the same when asked again, and after many others', () => {
    const choice = new MediaTypeChoice<BanMediaType>(BAN_MEDIA_TYPES)
    for (let i = 0; i < 2000; i++)
      expect(choice.choose(`text/plain;q=0.5, application/json, x/${i}`)).toBe('application/json')
    expect(choice.choose('text/plain')).toBe('text/plain')
    expect(choice.choose('text/plain')).toBe('text/plain')
  })

  it('is what a slow reading of RFC 9110 chooses', () => {
    const range = fc.constantFrom(...BAN_MEDIA_TYPES, 'text/*', 'application/*', '*/*', 'image/png', '')
    const weight = fc.constantFrom('', ';q=0', ';q=0.5', ';q=1', ';v=1;q=0.25', ';q=x')
    const header = fc.array(
      fc.tuple(range, weight).map((parts) => parts.join('')),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(header, (parts) => {
        expect(choose(parts.join(', '))).toBe(slowly(parts))
      }),
    )
  })
})

/** Every offer against every range of the header, then a sort. */
function slowly(parts: readonly string[]): BanMediaType {
  const ranges = parts.map((part, position) => {
    const [type = '', ...parameters] = part.split(';')
    const weight = parameters.find((one) => one.startsWith('q='))
    return { type, position, quality: weight === undefined ? 1 : weight === 'q=x' ? 0 : Number(weight.slice(2)) }
  })
  const rated = BAN_MEDIA_TYPES.flatMap((offer) => {
    for (const [generality, pattern] of [offer, offer.replace(/\/.*/, '/*'), '*/*'].entries()) {
      const range = ranges.find(({ type }) => type === pattern)
      if (range !== undefined) return [{ offer, generality, ...range }]
    }
    return []
  })
  const [best] = rated
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || a.generality - b.generality || a.position - b.position)
  return best?.offer ?? 'text/html'
}
