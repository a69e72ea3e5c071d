import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it, test } from 'vitest'
import { parseAddressRange } from '../../src/net/address-range.js'
import { createPrefix, formatPrefix, parsePrefix } from '../../src/net/prefix.js'
import { oracleCovers } from '../oracle/linear-matcher.js'

function read(text: string): string | null {
  const prefix = createPrefix()
  return parsePrefix(text, prefix) ? formatPrefix(prefix) : null
}

describe('parsePrefix', () => {
  test.each([
    ['1.2.3.4', '1.2.3.4'],
    ['1.2.3.4/32', '1.2.3.4'],
    ['203.0.113.77/28', '203.0.113.64/28'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['2001:DB8:1::/48', '2001:db8:1::/48'],
    ['2001:db8:ffff:ffff::1/33', '2001:db8:8000::/33'],
    ['::1/128', '::1'],
    ['::/0', '::/0'],
    ['::ffff:1.2.3.4/120', '1.2.3.0/24'],
    ['::ffff:1.2.3.4/96', '0.0.0.0/0'],
    ['::ffff:1.2.3.4/90', '::ffc0:0:0/90'],
    ['1.2.3.0/33', null],
    ['::/129', null],
    ['1.2.3.0/', null],
    ['1.2.3.0/08', null],
    ['1.2.3.0/-1', null],
    ['1.2.3.0/8/8', null],
    ['/8', null],
    ['1.2.3.4-1.2.3.5', null],
  ])('%s is %s', (text, canonical) => {
    expect(read(text)).toBe(canonical)
  })
})

describe('parseAddressRange', () => {
  test.each([
    ['1.2.3.4-1.2.3.4', ['1.2.3.4']],
    ['1.2.3.4 - 1.2.3.7', ['1.2.3.4/30']],
    ['192.0.2.10-192.0.2.20', ['192.0.2.10/31', '192.0.2.12/30', '192.0.2.16/30', '192.0.2.20']],
    ['0.0.0.0-255.255.255.255', ['0.0.0.0/0']],
    ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['::/0']],
    ['2001:db8::ffff-2001:db8::1:0', ['2001:db8::ffff', '2001:db8::1:0']],
    ['1.2.3.5-1.2.3.4', null],
    ['1.2.3.5-::1', null],
    ['1.2.3.5-', null],
    ['1.2.3.5', null],
    ['1.2.3.4-1.2.3.5-1.2.3.6', null],
  ])('%s is %j', (text, prefixes) => {
    expect(parseAddressRange(text)?.map(formatPrefix) ?? null).toEqual(prefixes)
  })

  it('covers exactly the range, and no fewer prefixes would do', () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff })
    fc.assert(
      fc.property(word, word, word, (a, b, probe) => {
        const [first, last] = a <= b ? [a, b] : [b, a]
        const prefixes = parseAddressRange(`${ipv4(first)}-${ipv4(last)}`) ?? []
        const sizes = prefixes.map((prefix) => 2 ** (32 - prefix.length))
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(last - first + 1)
        for (const address of [first, last, probe, Math.max(first - 1, 0), Math.min(last + 1, 0xffff_ffff)]) {
          const covered = prefixes.some((prefix) => oracleCovers(cidr(formatPrefix(prefix)), ipv4(address)))
          expect(covered).toBe(address >= first && address <= last)
        }
      }),
    )
  })
})

function cidr(text: string): string {
  return text.includes('/') ? text : `${text}/32`
}

function ipv4(word: number): string {
  return ipaddr.fromByteArray([word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]).toString()
}
