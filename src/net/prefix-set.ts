/** A few prefixes, such as trusted proxies or an allowlist: whether an address lies in one of them. Linear, and meant to be. */

import { type AddressWords, createAddressWords, type Family, parseAddress } from './address.js'
import { parseAddressRange } from './address-range.js'
import { createPrefix, maskOfWord, type Prefix, parsePrefix } from './prefix.js'

export class PrefixSet {
  readonly #prefixes: readonly Prefix[]
  readonly #words = createAddressWords()

  constructor(prefixes: readonly Prefix[]) {
    this.#prefixes = prefixes
  }

  has(address: string): boolean {
    return this.#prefixes.length > 0 && this.hasWords(parseAddress(address, this.#words), this.#words)
  }

  hasWords(family: Family, words: AddressWords): boolean {
    for (const prefix of this.#prefixes) if (prefix.family === family && covers(prefix, words)) return true
    return false
  }
}

/** The prefixes that an address, a CIDR or a `first-last` range stands for; null if the text is none of them. */
export function readPrefixes(text: string): readonly Prefix[] | null {
  const prefix = createPrefix()
  return parsePrefix(text, prefix) ? [prefix] : parseAddressRange(text)
}

/** Of texts that are known to be good. */
export function prefixesIn(texts: readonly string[]): readonly Prefix[] {
  return texts.flatMap((text) => readPrefixes(text) ?? [])
}

function covers(prefix: Prefix, words: AddressWords): boolean {
  const count = prefix.family === 4 ? 1 : 4
  for (let i = 0; i < count; i++) {
    if ((words[i] & maskOfWord(prefix.length - 32 * i)) !== prefix.words[i]) return false
  }
  return true
}
