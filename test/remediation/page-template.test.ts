import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { escapeHtml, PageTemplate } from '../../src/remediation/page-template.js'

const VALUES = { status: '403', action: 'ban', address: '192.0.2.1' }
const render = (text: string, over: Partial<typeof VALUES> = {}) =>
  new PageTemplate(text).render({ ...VALUES, ...over })

test.each([
  ['', ''],
  ['plain', 'plain'],
  ['{{status}}', '403'],
  ['a {{ action }} b', 'a ban b'],
  ['{{status}}{{address}}{{status}}', '403192.0.2.1403'],
  ['{{Status}} {{nothing}} {status} {{{status}}}', '{{Status}} {{nothing}} {status} {403}'],
  ['{{constructor}} {{__proto__}}', '{{constructor}} {{__proto__}}'],
  ["$& $1 $` {{status}} $'", "$& $1 $` 403 $'"],
])('%j gives %j', (text, page) => {
  expect(render(text)).toBe(page)
})

it('escapes every value, for text and for attributes', () => {
  const address = `"><script>alert('x')</script>&amp;`
  const escaped = '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;'
  expect(render('<p title="{{address}}">{{address}}</p>', { address })).toBe(`<p title="${escaped}">${escaped}</p>`)
})

it('fills in nothing of what a value says', () => {
  expect(render('{{address}} {{status}}', { address: '{{status}}' })).toBe('{{status}} 403')
})

it('leaves no character that means something to HTML, and loses none', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const escaped = escapeHtml(text)
      expect(escaped).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/)
      const back = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' }
      expect(escaped.replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => back[entity as keyof typeof back])).toBe(text)
    }),
  )
})
