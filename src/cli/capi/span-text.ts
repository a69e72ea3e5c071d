/** A span of time for people, to its two largest units: `2d4h`, `3h12m`, `45s`. */

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** What is left of a second is dropped; less than one, and less than nothing, is `0s`. */
export function spanText(milliseconds: number): string {
  const parts: string[] = []
  let left = milliseconds
  for (const [unit, length] of units) {
    const count = Math.floor(left / length)
    if (count < 1) {
      if (parts.length > 0) break
      continue
    }
    parts.push(`${count}${unit}`)
    left -= count * length
    if (parts.length === 2) break
  }
  return parts.join('') || '0s'
}

/** RFC 3339 in UTC, whole seconds. */
export function timeText(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')
}
