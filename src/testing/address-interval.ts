/** An address or CIDR as the interval of numbers that the LAPI stores beside a decision and compares `?ip=` with. */

import { isIPv4, isIPv6 } from 'node:net'

/** Both ends are inclusive. IPv4-mapped IPv6 counts as IPv4, as in the LAPI. */
export interface AddressInterval {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

const mappedPrefix = 0xffffn

/** Reads an address or a CIDR (host bits allowed). Null where Go's `net.ParseIP` or `net.ParseCIDR` refuses: zone ids, ports, leading zeros. */
export function parseAddressInterval(text: string): AddressInterval | null {
  const slash = text.indexOf('/')
  if (slash < 0) {
    const address = parseAddress(text)
    return address && unmap(address.width, address.number, address.number)
  }
  const address = parseAddress(text.slice(0, slash))
  const digits = text.slice(slash + 1)
  if (!address || !/^\d{1,3}$/.test(digits) || Number(digits) > address.width) return null
  const hostBits = BigInt(address.width - Number(digits))
  const first = (address.number >> hostBits) << hostBits
  return unmap(address.width, first, first | ((1n << hostBits) - 1n))
}

/** `outer` covers all of `inner`. */
export function covers(outer: AddressInterval, inner: AddressInterval): boolean {
  return outer.family === inner.family && outer.first <= inner.first && outer.last >= inner.last
}

function unmap(width: 32 | 128, first: bigint, last: bigint): AddressInterval {
  if (width === 32) return { family: 4, first, last }
  if (first >> 32n !== mappedPrefix) return { family: 6, first, last }
  // The LAPI takes the first four bytes of the 16-byte mask here, all ones: a mapped CIDR shrinks to its first address.
  const number = first & 0xffff_ffffn
  return { family: 4, first: number, last: number }
}

function parseAddress(text: string): { readonly width: 32 | 128; readonly number: bigint } | null {
  if (isIPv4(text)) return { width: 32, number: dotted(text) }
  if (!isIPv6(text) || text.includes('%')) return null
  const lastColon = text.lastIndexOf(':')
  const tail = text.slice(lastColon + 1)
  const plain = tail.includes('.') ? `${text.slice(0, lastColon + 1)}${groupsOf(dotted(tail))}` : text
  const [left = '', right] = plain.split('::')
  const leftGroups = left === '' ? [] : left.split(':')
  const rightGroups = right === undefined || right === '' ? [] : right.split(':')
  const gap = new Array<string>(8 - leftGroups.length - rightGroups.length).fill('0')
  const number = [...leftGroups, ...gap, ...rightGroups].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
  return { width: 128, number }
}

function dotted(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
}

function groupsOf(ipv4: bigint): string {
  return `${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}`
}
