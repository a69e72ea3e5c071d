/** Durations of the configuration: `10s`, `1h30m`, `1d`, `500ms`, `1.5h`. */

const wholePattern = /^(?:\d+(?:\.\d+)?(?:ms|[dhms]))+$/
const partPattern = /(\d+(?:\.\d+)?)(ms|[dhms])/g

const millisecondsPerUnit: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/**
 * Milliseconds of a Go-like duration, rounded; `null` where the text is none. Unlike Go it knows `d` (24 hours), as
 * CrowdSec's own configuration does, and it knows neither signs nor units below the millisecond.
 */
export function parseDuration(text: string): number | null {
  if (!wholePattern.test(text)) return null
  let total = 0
  for (const [, amount, unit] of text.matchAll(partPattern)) {
    total += Number(amount) * (millisecondsPerUnit[unit ?? ''] ?? Number.NaN)
  }
  return Math.round(total)
}
