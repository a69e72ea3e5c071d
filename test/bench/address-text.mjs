/** Addresses as text, the way Node reports a peer. Written apart from `src/net`, so that one cannot hide the other's mistake. */

export function ipv4Text(word) {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`
}

export function ipv6Text(words) {
  const groups = []
  for (const word of words) groups.push((word >>> 16).toString(16), (word & 0xffff).toString(16))
  const full = groups.join(':')
  const runs = [...full.matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)]
  if (runs.length === 0) return full
  const longest = runs.reduce((best, run) => (run[0].length > best[0].length ? run : best))
  const before = full.slice(0, longest.index).replace(/:$/, '')
  const after = full.slice(longest.index + longest[0].length).replace(/^:/, '')
  return `${before}::${after}`
}

/** A word of which only `bits` leading bits are kept. */
export function keepBits(word, bits) {
  if (bits >= 32) return word
  return bits <= 0 ? 0 : word & (-1 << (32 - bits))
}
