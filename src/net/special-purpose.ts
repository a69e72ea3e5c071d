/**
 * Addresses that nobody on the internet has: private, loopback, link-local, documentation, multicast and the like, by the
 * IANA special-purpose registries (RFC 6890) as of 2025. A visitor with such an address is one of ours.
 */

import { createAddressWords, parseAddress } from './address.js'
import { PrefixSet, prefixesIn } from './prefix-set.js'

const IPV4 = new PrefixSet(
  prefixesIn([
    '0.0.0.0/8', // this network
    '10.0.0.0/8', // private
    '100.64.0.0/10', // shared by a provider's customers (CGNAT)
    '127.0.0.0/8', // loopback
    '169.254.0.0/16', // link-local, and the metadata of clouds
    '172.16.0.0/12', // private
    '192.0.0.0/24', // protocol assignments
    '192.0.2.0/24', // documentation
    '192.88.99.0/24', // 6to4 relays, withdrawn
    '192.168.0.0/16', // private
    '198.18.0.0/15', // benchmarks
    '198.51.100.0/24', // documentation
    '203.0.113.0/24', // documentation
    '224.0.0.0/4', // multicast
    '240.0.0.0/4', // reserved, and broadcast
  ]),
)

/** All that IANA gives out to hosts. Loopback, ULA, link-local, multicast and the rest lie outside. */
const IPV6_UNICAST = new PrefixSet(prefixesIn(['2000::/3']))

const IPV6 = new PrefixSet(
  prefixesIn([
    '2001::/23', // protocol assignments, Teredo among them
    '2001:db8::/32', // documentation
    '2002::/16', // 6to4: an IPv4 address may hide in it
    '3fff::/20', // documentation
  ]),
)

/** IPv4 as hosts without IPv4 see it (NAT64, RFC 6052): the last word is the IPv4 address. */
const NAT64 = new PrefixSet(prefixesIn(['64:ff9b::/96']))

const scratch = createAddressWords()

/** Whether no host on the internet has this address, so that it must not be told to others or fetched from. Also what is no address. */
export function isSpecialPurpose(text: string): boolean {
  const family = parseAddress(text, scratch)
  if (family === 4) return IPV4.hasWords(4, scratch)
  if (family === 0) return true
  if (NAT64.hasWords(6, scratch)) return IPV4.hasWords(4, Int32Array.of(scratch[3]))
  return !IPV6_UNICAST.hasWords(6, scratch) || IPV6.hasWords(6, scratch)
}
