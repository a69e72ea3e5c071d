/** What decisions are on, at random: single addresses, networks, and now and then a range that is no network. */

import { isIpv4, randomAddress, randomText } from './addresses.mjs'

const IPV6_LENGTHS = [61, 62, 63, 64, 65, 80, 95, 96, 97, 112, 121, 122, 123, 124, 125, 126, 127]

/** From `first` to `last`; `length`: of a network, null where it is none. `value`: its text. */
export function randomTarget(random, { ranges = true } = {}) {
  const address = randomAddress(random)
  const dice = random.below(1000)
  if (dice < 1 && ranges) return rangeFrom(address, random)
  if (dice < 40) return network(address, isIpv4(address) ? ipv4Length(random) : ipv6Length(random), random)
  return { first: address, last: address, length: 128, value: randomText(address, random) }
}

/** Its first and its last address, and those that are just not in it. */
export function edgesOf({ first, last }) {
  return [first - 1n, first, last, last + 1n]
}

export function isSingle({ first, last }) {
  return first === last
}

/** IPv4's own lengths, counted in 128 bits. */
function ipv4Length(random) {
  return 96 + (random.below(50) === 0 ? 12 + random.below(12) : 24 + random.below(8))
}

function ipv6Length(random) {
  return random.below(50) === 0 ? 30 + random.below(31) : IPV6_LENGTHS[random.below(IPV6_LENGTHS.length)]
}

function network(address, length, random) {
  const hostBits = BigInt(128 - length)
  const first = (address >> hostBits) << hostBits
  const text = randomText(first, random)
  const shown = text.includes(':') ? length : length - 96
  return { first, last: first | ((1n << hostBits) - 1n), length, value: `${text}/${shown}` }
}

/** Within the last 16 bits, so that it stays in its family. */
function rangeFrom(address, random) {
  const last = address | BigInt(random.below(65_536))
  const value = `${randomText(address, random)}-${randomText(last, random)}`
  return { first: address, last, length: null, value }
}
