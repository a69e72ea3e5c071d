import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { expect, it, test } from 'vitest'
import { isSpecialPurpose } from '../../src/net/special-purpose.js'

// biome-ignore format: a table
test.each([
  // The first and last address of each block, and their neighbours outside.
  ['0.0.0.0', true], ['0.255.255.255', true], ['1.0.0.0', false],
  ['9.255.255.255', false], ['10.0.0.0', true], ['10.255.255.255', true], ['11.0.0.0', false],
  ['100.63.255.255', false], ['100.64.0.0', true], ['100.127.255.255', true], ['100.128.0.0', false],
  ['126.255.255.255', false], ['127.0.0.1', true], ['128.0.0.0', false],
  ['169.253.255.255', false], ['169.254.169.254', true], ['169.255.0.0', false],
  ['172.15.255.255', false], ['172.16.0.0', true], ['172.31.255.255', true], ['172.32.0.0', false],
  ['191.255.255.255', false], ['192.0.0.8', true], ['192.0.1.0', false], ['192.0.2.1', true], ['192.0.3.0', false],
  ['192.88.99.1', true], ['192.167.255.255', false], ['192.168.0.0', true], ['192.169.0.0', false],
  ['198.17.255.255', false], ['198.18.0.0', true], ['198.19.255.255', true], ['198.20.0.0', false],
  ['198.51.100.1', true], ['203.0.113.7', true], ['203.0.114.0', false],
  ['223.255.255.255', false], ['224.0.0.1', true], ['240.0.0.1', true], ['255.255.255.255', true],
  ['::', true], ['::1', true], ['::1.2.3.4', true], ['::ffff:10.0.0.1', true], ['::ffff:1.2.3.4', false],
  ['64:ff9b::10.0.0.1', true], ['64:ff9b::169.254.169.254', true], ['64:ff9b::1.2.3.4', false], ['64:ff9b:1::1', true],
  ['100::1', true], ['1fff::1', true], ['2000::', false], ['2001::1', true], ['2001:1ff::1', true], ['2001:200::1', false],
  ['2001:db7::1', false], ['2001:db8::1', true], ['2001:db9::1', false], ['2002:0a00:0001::', true], ['2003::1', false],
  ['2606:4700::1111', false], ['3ffe::1', false], ['3fff::1', true], ['3fff:1000::1', false], ['4000::1', true],
  ['5f00::1', true], ['fc00::1', true], ['fd12:3456::1', true], ['fe80::1%eth0', true], ['fec0::1', true], ['ff02::1', true],
  ['localhost', true], ['', true], ['1.2.3.4:80', true],
])('%s: %s', (address, expected) => {
  expect(isSpecialPurpose(address)).toBe(expected)
}) // biome-ignore format: a table

/** ipaddr.js calls more things ordinary than IANA does, but what it calls special is. */
it('is special wherever ipaddr.js says so', () => {
  const octets = fc.uint8Array({ minLength: 4, maxLength: 4 })
  const groups = fc.uint8Array({ minLength: 16, maxLength: 16 })
  // Of ipaddr.js 2.5: services that any host may reach, which IANA's registry calls globally reachable.
  const reachable = new Set([
    'unicast',
    'as112',
    'as112v6',
    'amt',
    'ipv4Mapped',
    'rfc6052',
    'rfc6145',
    'droneRemoteIdProtocolEntityTags',
  ])
  fc.assert(
    fc.property(fc.oneof(octets, groups), (bytes) => {
      const address = ipaddr.fromByteArray([...bytes])
      if (!reachable.has(address.range()))
        expect([address.toString(), isSpecialPurpose(address.toString())]).toEqual([address.toString(), true])
    }),
    { numRuns: 5000 },
  )
})
