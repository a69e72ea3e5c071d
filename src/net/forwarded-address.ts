/** Addresses as proxies write them into headers. */

/** Without the port and the brackets that some proxies add: `1.2.3.4:5678`, `[::1]:5678`, `[::1]`. Else the text as it is. */
export function stripPort(entry: string): string {
  if (entry.startsWith('[')) {
    const end = entry.indexOf(']')
    return end !== -1 && /^(:\w+)?$/.test(entry.slice(end + 1)) ? entry.slice(1, end) : entry
  }
  const colon = entry.indexOf(':')
  const isIpv4WithPort = colon !== -1 && entry.includes('.') && /^\w+$/.test(entry.slice(colon + 1))
  return isIpv4WithPort ? entry.slice(0, colon) : entry
}

/**
 * The `for` of one element of the `Forwarded` header (RFC 7239 section 4): `for=192.0.2.60;proto=http`, `For="[2001:db8::1]:4711"`.
 * Null where there is none. `unknown` and obfuscated names (`_hidden`) are told as they are: no addresses.
 */
export function forwardedFor(element: string): string | null {
  for (const pair of element.split(';')) {
    const equals = pair.indexOf('=')
    if (equals === -1 || pair.slice(0, equals).trim().toLowerCase() !== 'for') continue
    const value = pair.slice(equals + 1).trim()
    const quoted = /^"(.*)"$/.exec(value)
    return stripPort(quoted === null ? value : quoted[1].replace(/\\(.)/g, '$1'))
  }
  return null
}
