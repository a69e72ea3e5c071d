/** The slow oracle for everything that matches addresses: ipaddr.js and a loop. */

import ipaddr from 'ipaddr.js'

/** What ipaddr.js makes of a text, mapped IPv6 unmapped; null if it is no address for us (strict form, zone dropped). */
export function oracleParse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) {
    return ipaddr.IPv4.isValid(text) ? ipaddr.IPv4.parse(text) : null
  }
  const bare = /^([0-9a-f:.]+)(%[!-$&-~]+)?$/i.exec(text)?.[1]
  if (bare === undefined || !bare.includes(':') || !strictIpv6(bare)) return null
  const parsed = ipaddr.IPv6.parse(bare.replace(/[\d.]+$/, dottedToHex))
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed
}

/** The canonical text of what `oracleParse` found. */
export function oracleText(text: string): string | null {
  const parsed = oracleParse(text)
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : (parsed?.toString() ?? null)
}

/** ipaddr.js takes `::1.2.3.4` for a mapped address, which it is not, so it is not shown dotted tails. */
function dottedToHex(tail: string): string {
  if (!tail.includes('.')) return tail
  const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number)
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

/** The grammar of RFC 4291 by splitting: at most one `::`, eight groups, a dotted tail counting as two. */
function strictIpv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const all = groups.flat()
  const tail = all.at(-1) ?? ''
  const dotted = tail.includes('.')
  if (dotted && (text.endsWith('::') || oracleParse(tail)?.kind() !== 'ipv4')) return false
  const hex = dotted ? all.slice(0, -1) : all
  if (!hex.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false
  const count = hex.length + (dotted ? 2 : 0)
  return halves.length === 2 ? count <= 7 : count === 8
}

/** Whether `address` lies in `cidr` (`a.b.c.d/n`, IPv6 likewise), families apart. */
export function oracleCovers(cidr: string, address: string): boolean {
  const parsed = oracleParse(address)
  const [base, length] = ipaddr.parseCIDR(cidr)
  if (parsed === null || base.kind() !== parsed.kind()) return false
  return parsed.match([base, length] as [ipaddr.IPv4, number] & [ipaddr.IPv6, number])
}
