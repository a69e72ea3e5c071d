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

const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92

/**
 * Where the last element of a `Forwarded` list that ends at `end` begins. Read from the right, because a quote that a visitor
 * left open on the left must not swallow what proxies added; a comma inside quotes is none.
 */
export function lastForwardedStart(list: string, end: number): number {
  let isQuoted = false
  for (let i = end - 1; i >= 0; i--) {
    const code = list.charCodeAt(i)
    if (code === QUOTE && !isEscaped(list, i)) isQuoted = !isQuoted
    else if (code === COMMA && !isQuoted) return i + 1
  }
  return 0
}

function isEscaped(text: string, at: number): boolean {
  let start = at
  while (start > 0 && text.charCodeAt(start - 1) === BACKSLASH) start--
  return (at - start) % 2 === 1
}

/** One pair of an element, or nothing, and the semicolon after it. Wider than RFC 7239, which has IPv6 in quotes only. */
const PAIR = /\s*(?:([^\s"=;,]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))\s*)?(?:;|$)/y

/**
 * The `for` of one element of the `Forwarded` header (RFC 7239 section 4): `for=192.0.2.60;proto=http`, `For="[2001:db8::1]:4711"`.
 * Null where there is none, or two, or the element is malformed. `unknown` and obfuscated names (`_hidden`) are told as they
 * are: no addresses.
 */
export function forwardedFor(element: string): string | null {
  let node: string | null = null
  PAIR.lastIndex = 0
  while (PAIR.lastIndex < element.length) {
    const pair = PAIR.exec(element)
    if (pair === null) return null
    const [, name = '', quoted, token = ''] = pair
    if (name.toLowerCase() !== 'for') continue
    if (node !== null) return null
    node = quoted === undefined ? token : quoted.replace(/\\(.)/g, '$1')
  }
  return node === null ? null : stripPort(node)
}
