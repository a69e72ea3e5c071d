/** Where the check service listens, read from `host:port`, `[v6]:port` or `port`. */

import { isIPv6 } from 'node:net'

/** A host without brackets and a port; port 0 lets the system choose. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const loopback = '127.0.0.1'

/** `null` where the text is no such address. A port alone means the loopback interface: being reachable is a decision. */
export function parseListenAddress(text: string): ListenAddress | null {
  const match = /^(?:(?:\[([^\]]+)\]|([^\s:/[\]]+)):)?(\d{1,5})$/.exec(text)
  if (match === null) return null
  const [, v6, name, portText] = match
  const port = Number(portText)
  if (port > 65_535) return null
  if (v6 !== undefined && !isIPv6(v6)) return null
  return { host: v6 ?? name ?? loopback, port }
}

/** The URL under which a person on the same machine reaches what listens there. */
export function urlOf(address: ListenAddress): string {
  const host = reachableHost(address.host)
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}

// The unspecified addresses mean "every interface" to listen(), and nothing that a client could connect to portably.
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return loopback
  if (host === '::') return '::1'
  return host
}
