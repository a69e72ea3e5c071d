/** The fake's address intervals against ipaddr.js. */

import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { expect, it } from 'vitest'
import { covers, parseAddressInterval } from '../../src/testing/address-interval.js'

it.each([
  '',
  'notanip',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.004',
  ' 1.2.3.4',
  'fe80::1%eth0',
  '[::1]',
  '0x01020304',
  '1.2.3.4:80',
  '1.2.3.4/33',
  '1.2.3.4/',
  '/8',
  '::/129',
  '1.2.3.4/-1',
  '1::2::3',
])('refuses %j', (text) => {
  expect(parseAddressInterval(text)).toBeNull()
})

it.each<[outer: string, inner: string, expected: boolean]>([
  ['198.51.100.0/24', '198.51.100.255', true],
  ['198.51.100.77/24', '198.51.100.0', true],
  ['198.51.100.0/24', '198.51.101.0', false],
  ['198.51.100.0/24', '198.51.0.0/16', false],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['::/0', '1.2.3.4', false],
  ['::ffff:1.2.3.4', '1.2.3.4', true],
  ['::ffff:1.2.3.0/120', '1.2.3.4', false],
  ['2001:db8::/32', '2001:DB8:0:0:0:0:0:2', true],
])('%s covers %s: %s', (outer, inner, expected) => {
  const [left, right] = [parseAddressInterval(outer), parseAddressInterval(inner)]
  expect(left && right && covers(left, right)).toBe(expected)
})

const number = (bytes: readonly number[]) => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)

it('reads every address and CIDR as ipaddr.js does', () => {
  const bytes = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  fc.assert(
    fc.property(bytes, fc.nat(128), fc.boolean(), (raw, bits, long) => {
      const address = ipaddr.fromByteArray([...raw])
      const prefix = Math.min(bits, raw.length * 8)
      const text = long ? address.toNormalizedString() : address.toString()
      const own = number([...raw])
      const mask = (1n << BigInt(raw.length * 8 - prefix)) - 1n
      expect(parseAddressInterval(text)).toMatchObject({ first: own, last: own })
      expect(parseAddressInterval(`${text}/${prefix}`)).toMatchObject({ first: own & ~mask, last: own | mask })
    }),
  )
})
