/** A prefix: the leading `length` bits that some addresses share. A single address is a prefix of full length. */

import { type AddressWords, createAddressWords, formatAddress, parseAddress } from './address.js'

/** A mutable prefix, meant to be filled again and again. The bits after `length` are zero. */
export interface Prefix {
  family: 4 | 6
  /** 0 to 32 for IPv4, 0 to 128 for IPv6. */
  length: number
  readonly words: AddressWords
}

export function createPrefix(): Prefix {
  return { family: 4, length: 0, words: createAddressWords() }
}

export function fullLength(family: 4 | 6): 32 | 128 {
  return family === 4 ? 32 : 128
}

/**
 * Reads `address` or `address/length` into `prefix`; host bits are cleared. A mapped IPv6 prefix of /96 or longer is the
 * IPv4 prefix that it stands for. Returns whether the text is a prefix.
 */
export function parsePrefix(text: string, prefix: Prefix): boolean {
  const slash = text.indexOf('/')
  const family = parseAddress(slash === -1 ? text : text.slice(0, slash), prefix.words)
  if (family === 0) return false
  prefix.family = family
  prefix.length = fullLength(family)
  return slash === -1 || applyLength(text, slash, prefix)
}

function applyLength(text: string, slash: number, prefix: Prefix): boolean {
  let length = parseLength(text, slash + 1)
  if (length === -1) return false
  if (prefix.family === 4 && text.indexOf(':') !== -1) {
    if (length >= 96) length -= 96
    else {
      prefix.family = 6
      prefix.words[3] = prefix.words[0]
      prefix.words[2] = 0xffff
      prefix.words[1] = 0
      prefix.words[0] = 0
    }
  }
  if (length > fullLength(prefix.family)) return false
  prefix.length = length
  clearHostBits(prefix)
  return true
}

/** One to three digits without a leading zero, or -1. */
function parseLength(text: string, start: number): number {
  const digits = text.length - start
  if (digits < 1 || digits > 3 || (digits > 1 && text.charCodeAt(start) === 48)) return -1
  let length = 0
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return length
}

/** Makes the bits after the prefix's length zero. */
export function clearHostBits(prefix: Prefix): void {
  const count = prefix.family === 4 ? 1 : 4
  for (let i = 0; i < count; i++) prefix.words[i] &= maskOfWord(prefix.length - 32 * i)
}

/** The mask of a word of which `bits` leading bits count; less than 0 is none, more than 32 is all. */
export function maskOfWord(bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? -1 : -1 << (32 - bits)
}

/** The canonical text of a prefix: the bare address where it is a single one, else `address/length`. */
export function formatPrefix(prefix: Prefix): string {
  const address = formatAddress(prefix.family, prefix.words)
  return prefix.length === fullLength(prefix.family) ? address : `${address}/${prefix.length}`
}
