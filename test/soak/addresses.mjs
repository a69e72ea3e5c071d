/**
 * Addresses at random, and their texts. All lie in one space of 128 bits, IPv4 where IPv6 maps it, so that whoever says what is
 * right needs one rule for both.
 */

const MAPPED = 0xffffn << 32n

const ipv4 = (word) => MAPPED | BigInt(word)
const ipv6 = (words) => BigInt(words) << 96n

/** Half of all come from these few, so that they meet. The first of each family is one that is never told: private, documentation. */
const NEIGHBOURHOODS = [
  { isIpv4: true, base: ipv4(0x0a01_0000) },
  { isIpv4: true, base: ipv4(0x2d4d_0000) },
  { isIpv4: true, base: ipv4(0x5be1_0000) },
  { isIpv4: false, base: ipv6(0x2001_0db8) },
  { isIpv4: false, base: ipv6(0x2a01_04f8) },
  { isIpv4: false, base: ipv6(0x2600_1f18) },
]

export function isIpv4(address) {
  return address >> 32n === 0xffffn
}

/** Of no use to the community. Of those that come up here. */
export function isSpecial(address) {
  return address >> 24n === ipv4(0x0a00_0000) >> 24n || address >> 96n === 0x2001_0db8n
}

export function randomAddress(random) {
  if (random.below(2) === 0) return elsewhere(random)
  const { isIpv4, base } = NEIGHBOURHOODS[random.below(NEIGHBOURHOODS.length)]
  if (isIpv4) return base | BigInt(random.below(4096))
  // Some subnets, some links in each, some hosts on each.
  return base | (BigInt(random.below(8)) << 80n) | (BigInt(random.below(8)) << 64n) | BigInt(random.below(64))
}

/** 20.0.0.0 to 99.255.255.255, and 2a00::/16: nothing special is among them. */
function elsewhere(random) {
  if (random.below(2) === 0) return ipv4(((20 + random.below(80)) * 2 ** 24 + random.below(2 ** 24)) >>> 0)
  const [high, ...words] = Array.from({ length: 4 }, () => BigInt(random.word() >>> 0))
  return (0x2a00n << 112n) | ((high & 0xffffn) << 96n) | (words[0] << 64n) | (words[1] << 32n) | words[2]
}

/** RFC 5952, and dots for IPv4. */
export function textOf(address) {
  return isIpv4(address) ? dotted(address) : new URL(`http://[${groups(address)}]`).hostname.slice(1, -1)
}

/** As others may write it: mapped, in full, in capitals. */
export function randomText(address, random) {
  const dice = random.below(10)
  if (dice > 2) return textOf(address)
  if (isIpv4(address)) return dice === 0 ? groups(address) : `::${dice === 1 ? 'ffff' : 'FFFF'}:${dotted(address)}`
  return dice === 0 ? groups(address) : textOf(address).toUpperCase()
}

function dotted(address) {
  const word = Number(address & 0xffff_ffffn)
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.')
}

function groups(address) {
  return [7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map((group) => ((address >> (16n * group)) & 0xffffn).toString(16)).join(':')
}
