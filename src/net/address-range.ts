/** Arbitrary ranges of addresses, `first-last`, as the fewest prefixes that cover them exactly. Off the hot path. */

import { createAddressWords, parseAddress } from './address.js'
import { fullLength, type Prefix } from './prefix.js'

/**
 * Reads `first-last` (both of one family, first not above last, spaces around the dash allowed) as prefixes: at most 62 for
 * IPv4 and 254 for IPv6. Returns null if the text is no such range.
 */
export function parseAddressRange(text: string): readonly Prefix[] | null {
  const dash = text.indexOf('-')
  if (dash === -1) return null
  const words = createAddressWords()
  const firstFamily = parseAddress(text.slice(0, dash).trim(), words)
  const first = toBigInt(firstFamily, words)
  const lastFamily = parseAddress(text.slice(dash + 1).trim(), words)
  const last = toBigInt(lastFamily, words)
  if (firstFamily === 0 || firstFamily !== lastFamily || first > last) return null
  return coverRange(firstFamily, first, last)
}

/** Takes, again and again, the largest aligned block that starts at `first` and does not pass `last`. */
function coverRange(family: 4 | 6, first: bigint, last: bigint): Prefix[] {
  const bits = fullLength(family)
  const prefixes: Prefix[] = []
  for (let start = first; start <= last; ) {
    let hostBits = 0
    while (hostBits < bits && isAligned(start, hostBits + 1) && start + (1n << BigInt(hostBits + 1)) - 1n <= last)
      hostBits++
    prefixes.push({ family, length: bits - hostBits, words: fromBigInt(family, start) })
    start += 1n << BigInt(hostBits)
  }
  return prefixes
}

function isAligned(address: bigint, hostBits: number): boolean {
  return (address & ((1n << BigInt(hostBits)) - 1n)) === 0n
}

function toBigInt(family: 0 | 4 | 6, words: Int32Array): bigint {
  if (family !== 6) return BigInt(words[0] >>> 0)
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n)
}

function fromBigInt(family: 4 | 6, address: bigint): Int32Array {
  const words = createAddressWords()
  if (family === 4) words[0] = Number(address) | 0
  else for (let i = 0; i < 4; i++) words[i] = Number((address >> BigInt(96 - 32 * i)) & 0xffff_ffffn) | 0
  return words
}
