/** The `Retry-After` header (RFC 9110 section 10.2.3). */

const LONGEST = 24 * 60 * 60 * 1000

/** Milliseconds from now, at most a day; undefined if the header is missing or malformed. */
export function parseRetryAfter(header: string | readonly string[] | undefined): number | undefined {
  const text = typeof header === 'string' ? header.trim() : undefined
  if (text === undefined || text === '') return undefined
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : untilDate(text)
  return Number.isNaN(milliseconds) ? undefined : Math.min(Math.max(milliseconds, 0), LONGEST)
}

/** Every form of an HTTP date begins with the day's name; Date.parse would also make one of `-1`. */
function untilDate(text: string): number {
  return /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) - Date.now() : Number.NaN
}
