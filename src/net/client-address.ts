/**
 * Whose request it is, where proxies stand between. Only what a trusted hop wrote is believed: from the socket's peer, right
 * to left through the forwarded addresses, up to the first that is not trusted. A client cannot choose its own address.
 */

import { isAddress } from './address.js'
import { forwardedFor, lastForwardedStart, stripPort } from './forwarded-address.js'
import { UNIX_PEER } from './peer-address.js'
import type { Prefix } from './prefix.js'
import { PrefixSet, prefixesIn, readPrefixes } from './prefix-set.js'

/** Which hops are believed: addresses and networks, or the number of proxies in front. */
export type TrustedProxies = readonly string[] | number

export interface ClientAddressOptions {
  readonly trustedProxies: TrustedProxies
  /** `x-forwarded-for`, `forwarded` (RFC 7239), or a header that holds one address, such as `cf-connecting-ip`. Lower case. */
  readonly header: string
}

/** Names for networks that are never a visitor's. */
const PRESETS: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
])

/** So many hops are looked at; a request with more comes from nobody honest. */
const MOST_HOPS = 64

/** The networks that a text of `trustedProxies` names; null if it names none. */
export function readTrustedProxy(text: string): readonly Prefix[] | null {
  const preset = PRESETS.get(text)
  return preset === undefined ? readPrefixes(text) : prefixesIn(preset)
}

/** Whether every hop is believed, of IPv4 or of IPv6. */
export function trustsAll(proxies: TrustedProxies | undefined): boolean {
  if (proxies === undefined || typeof proxies === 'number') return false
  return proxies.some((text) => readTrustedProxy(text)?.some(({ length }) => length === 0))
}

export class ClientAddress {
  /** The header to hand to `resolve`, in lower case. */
  readonly header: string
  readonly #trusted: PrefixSet
  readonly #hopCount: number

  constructor(options: ClientAddressOptions) {
    const { trustedProxies } = options
    const isCount = typeof trustedProxies === 'number'
    this.header = options.header
    this.#hopCount = isCount ? trustedProxies : 0
    this.#trusted = new PrefixSet(isCount ? [] : trustedProxies.flatMap((text) => readTrustedProxy(text) ?? []))
  }

  /**
   * `peer`: what `peerAddress` tells. `header`: the values of `this.header`, several lines joined or not. Returns a text that
   * may be no address, where there is none to be had.
   */
  resolve(peer: string | undefined, header: string | readonly string[] | undefined): string {
    const known = peer ?? ''
    if (header === undefined || header.length === 0 || !this.#believes(known, 0)) return known
    const text = typeof header === 'string' ? header : header.join(',')
    const isList = this.header === 'x-forwarded-for' || this.header === 'forwarded'
    return isList ? this.#walk(known, text) : (lastAddress(text) ?? known)
  }

  /** Whether the hop so many steps away from us says the truth about the hop before it. */
  #believes(address: string, hops: number): boolean {
    if (this.#hopCount > 0) return hops < this.#hopCount
    return this.#trusted.has(address === UNIX_PEER ? '127.0.0.1' : address)
  }

  #walk(peer: string, text: string): string {
    let client = peer
    let hops = 0
    for (let end = text.length; end > 0 && hops < MOST_HOPS; ) {
      const start = this.header === 'forwarded' ? lastForwardedStart(text, end) : text.lastIndexOf(',', end - 1) + 1
      const entry = text.slice(start, end).trim()
      end = start - 1
      if (entry === '') continue // an empty list element means nothing (RFC 9110 section 5.6.1)
      const address = this.header === 'forwarded' ? forwardedFor(entry) : stripPort(entry)
      // What is no address cannot be judged, and what stands left of it cannot be reached by trust.
      if (address === null || !isAddress(address)) return client
      client = address
      hops++
      if (!this.#believes(client, hops)) return client
    }
    return client
  }
}

/** The address in a header that holds one; of several, the last, which the nearest proxy wrote. Null where it is none. */
function lastAddress(text: string): string | null {
  const address = stripPort(text.slice(text.lastIndexOf(',') + 1).trim())
  return isAddress(address) ? address : null
}
