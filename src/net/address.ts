/**
 * IP addresses as text and as 32-bit words. Hot: `parseAddress` runs on every request, so it reads characters one by one,
 * makes no string, array or object, and costs about as much as one cache-missing memory read.
 */

/** 0 where a text is no address. */
export type Family = 0 | 4 | 6

/** Room for one address: word 0 alone for IPv4, words 0 to 3 (most significant first) for IPv6. */
export type AddressWords = Int32Array

export function createAddressWords(): AddressWords {
  return new Int32Array(4)
}

/** Outside the signed 32-bit range that an address takes. */
const NOT_IPV4 = 0x1_0000_0000

const DOT = 46
const COLON = 58
const PERCENT = 37

/**
 * Reads an address into `words`. Strict: exactly what inet_pton accepts, and for IPv6 a zone (`%eth0`), which is dropped.
 * No ports, brackets, spaces, or leading zeros in IPv4. IPv4-mapped IPv6 (`::ffff:1.2.3.4`, in any spelling) is IPv4.
 */
export function parseAddress(text: string, words: AddressWords): Family {
  const ipv4 = readIpv4(text, 0, text.length)
  if (ipv4 !== NOT_IPV4) {
    words[0] = ipv4
    return 4
  }
  if (!readIpv6(text, words)) return 0
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) {
    words[0] = words[3]
    return 4
  }
  return 6
}

const scratch = createAddressWords()

/** Whether `parseAddress` would take it. */
export function isAddress(text: string): boolean {
  return parseAddress(text, scratch) !== 0
}

/** The value of the dotted quad that is all of `text` from `start` to `end`, or NOT_IPV4. */
function readIpv4(text: string, start: number, end: number): number {
  let address = 0
  let octet = -1 // -1: no digit of this octet yet
  let dots = 0
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    const digit = code - 48
    if (digit >>> 0 <= 9) {
      if (octet === -1) octet = digit
      else {
        octet = octet * 10 + digit
        // A leading zero (octal to some readers, so a way to be misread) leaves the octet below 10.
        if (octet > 255 || octet < 10) return NOT_IPV4
      }
    } else if (code === DOT && octet !== -1 && dots < 3) {
      address = (address << 8) | octet
      octet = -1
      dots++
    } else return NOT_IPV4
  }
  return dots === 3 && octet !== -1 ? (address << 8) | octet : NOT_IPV4
}

/** The eight 16-bit groups of the IPv6 address being read. One thread, no reentrance: shared. */
const groups = new Int32Array(8)

/** The value of a hexadecimal digit by its character code, -1 for any other ASCII character. */
const HEX_DIGITS = Int8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(digit) ? -1 : digit
})

function hexDigit(code: number): number {
  return code < 128 ? HEX_DIGITS[code] : -1
}

/** Reads group by group, left to right; a dotted tail is two groups; `::` is filled in when the text is over. */
function readIpv6(text: string, words: AddressWords): boolean {
  const length = text.length
  let count = 0
  let gap = -1 // how many groups stand before `::`
  let i = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    i = 2
  }
  while (i < length) {
    let code = text.charCodeAt(i)
    if (code === PERCENT) {
      if (gap !== count || !isZone(text, i + 1)) return false // only `::` may end without a group
      break
    }
    const start = i
    let group = 0
    while (i < length) {
      code = text.charCodeAt(i)
      const digit = hexDigit(code)
      if (digit < 0) break
      group = (group << 4) | digit
      i++
    }
    if (i < length && code === DOT) {
      const end = endOfDotted(text, i)
      const tail = readIpv4(text, start, end)
      if (tail === NOT_IPV4 || count > 6) return false
      groups[count++] = tail >>> 16
      groups[count++] = tail & 0xffff
      if (end < length && !isZone(text, end + 1)) return false
      break
    }
    if (i === start || i - start > 4 || count === 8) return false
    groups[count++] = group
    if (i === length) break
    if (code === PERCENT) {
      if (!isZone(text, i + 1)) return false
      break
    }
    if (code !== COLON) return false
    i++
    if (i === length) return false // ends with a single colon
    if (text.charCodeAt(i) === COLON) {
      if (gap !== -1) return false
      gap = count
      i++
    }
  }
  if (gap === -1 ? count !== 8 : count > 7) return false
  if (gap !== -1) fillGap(count, gap)
  words[0] = (groups[0] << 16) | groups[1]
  words[1] = (groups[2] << 16) | groups[3]
  words[2] = (groups[4] << 16) | groups[5]
  words[3] = (groups[6] << 16) | groups[7]
  return true
}

/** Moves the groups after `::` to the end and puts zeros between. */
function fillGap(count: number, gap: number): void {
  const shift = 8 - count
  for (let i = count - 1; i >= gap; i--) groups[i + shift] = groups[i]
  for (let i = gap; i < gap + shift; i++) groups[i] = 0
}

/** Where the dotted tail ends: at the zone or with the text. */
function endOfDotted(text: string, i: number): number {
  let end = i
  while (end < text.length && text.charCodeAt(end) !== PERCENT) end++
  return end
}

/** A zone is at least one visible ASCII character, none of them a percent sign. */
function isZone(text: string, from: number): boolean {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 32 || code >= 127 || code === PERCENT) return false
  }
  return from < text.length
}

/** The family of a text; 0 for what is no address, text or not. */
export function familyOf(text: unknown): Family {
  return typeof text === 'string' ? parseAddress(text, scratch) : 0
}

/** The canonical text of an address however it is spelled; what is no address stays as it is. */
export function canonicalAddress(text: string): string {
  const family = parseAddress(text, scratch)
  return family === 0 ? text : formatAddress(family, scratch)
}

/** The canonical text: dotted quad, or RFC 5952 for IPv6. */
export function formatAddress(family: 4 | 6, words: AddressWords): string {
  return family === 4 ? formatIpv4(words[0]) : formatIpv6(words)
}

function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

function formatIpv6(words: AddressWords): string {
  let text = ''
  const [gapStart, gapEnd] = longestZeroRun(words)
  for (let i = 0; i < 8; i++) {
    if (i === gapStart) {
      text += '::'
      i = gapEnd - 1
    } else text += (i === 0 || i === gapEnd ? '' : ':') + groupAt(words, i).toString(16)
  }
  return text
}

/** The first of the longest runs of two or more zero groups, as [start, end), or [-1, -1]. */
function longestZeroRun(words: AddressWords): readonly [number, number] {
  let best: readonly [number, number] = [-1, -1]
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && groupAt(words, end) === 0) end++
    if (end - start >= 2 && end - start > best[1] - best[0]) best = [start, end]
    if (end > start) start = end
  }
  return best
}

function groupAt(words: AddressWords, i: number): number {
  return (i & 1) === 0 ? words[i >> 1] >>> 16 : words[i >> 1] & 0xffff
}
