/**
 * Go's `time.ParseDuration` and `Duration.String` in milliseconds. Kept apart from the product's own parser on purpose:
 * a fake that shares code with what it tests would share its mistakes.
 */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}
const component = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/gy

/** `1h30m` to 5400000. Throws a RangeError on anything that Go refuses. */
export function parseGoDuration(text: string): number {
  const negative = text.startsWith('-')
  const rest = text.replace(/^[+-]/, '')
  if (rest === '0') return 0
  let total = 0
  let end = 0
  for (const match of rest.matchAll(component)) {
    total += Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN)
    end = match.index + match[0].length
  }
  if (end === 0 || end !== rest.length) throw new RangeError(`not a Go duration: '${text}'`)
  return negative ? -total : total
}

/** 5400000 to `1h30m0s`, with nanoseconds where there are any: `999.5ms`, `-5m26.5s`, `12.3µs`. */
export function formatGoDuration(ms: number): string {
  const sign = ms < 0 ? '-' : ''
  const whole = Math.trunc(Math.abs(ms) / 1000)
  // The split keeps the nanoseconds exact: a year in nanoseconds does not fit a double.
  const nanos = Math.round((Math.abs(ms) - whole * 1000) * 1e6)
  if (nanos === 1e9) return sign + formatWhole(whole + 1, 0)
  return whole === 0 ? formatBelowSecond(nanos, sign) : sign + formatWhole(whole, nanos)
}

/** Rounds to whole seconds, halves away from zero, as `Duration.Round(time.Second)` does. */
export function roundToSeconds(ms: number): number {
  return Math.sign(ms) * Math.round(Math.abs(ms) / 1000) * 1000
}

function formatWhole(seconds: number, nanos: number): string {
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : ''
  return `${head}${seconds % 60}${fraction(nanos, 9)}s`
}

function formatBelowSecond(nanos: number, sign: string): string {
  if (nanos === 0) return '0s'
  if (nanos < 1e3) return `${sign}${nanos}ns`
  if (nanos < 1e6) return `${sign}${Math.floor(nanos / 1e3)}${fraction(nanos % 1e3, 3)}\u00b5s`
  return `${sign}${Math.floor(nanos / 1e6)}${fraction(nanos % 1e6, 6)}ms`
}

function fraction(part: number, digits: number): string {
  return part === 0 ? '' : `.${String(part).padStart(digits, '0').replace(/0+$/, '')}`
}
