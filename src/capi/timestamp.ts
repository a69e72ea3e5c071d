/** Times in text that mean the same to everybody: RFC 3339 and what CrowdSec's own programs write. Nothing depends on this machine. */

/**
 * Date, time and offset. Beside RFC 3339: a blank for the T, an offset without colon or minutes (the Python SDK writes `+0000`), a
 * blank before it, and the offset twice, as Go prints a time (`2020-11-28 10:20:46.842701127 +0100 +0100`).
 */
const pattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? ?(?:[Zz]|([+-]\d\d)(?::?(\d\d))?(?: \8\9| UTC)?)$/

/** Unix milliseconds, fractions of one dropped; null where the text is no such time, or says no offset. */
export function parseTime(text: string): number | null {
  const [, year, month, day, hour, minute, second, fraction = '', offsetHours = '0', offsetMinutes = '0'] =
    pattern.exec(text) ?? []
  if (year === undefined) return null
  const clock = { hour: Number(hour), minute: Number(minute), second: Number(second) }
  const utc = utcTime({ year: Number(year), month: Number(month), day: Number(day), ...clock })
  const offset = offsetOf(offsetHours, offsetMinutes)
  if (utc === null || offset === null) return null
  return utc - offset + Number(fraction.slice(0, 3).padEnd(3, '0'))
}

/** RFC 3339 in UTC, to the millisecond: `2024-01-26T10:20:46.000Z`. Null beyond the years 0 to 9999, which it cannot write. */
export function formatTime(time: number | Date): string | null {
  const date = new Date(time)
  const year = date.getUTCFullYear()
  return year >= 0 && year <= 9999 ? date.toISOString() : null
}

/** What stands in a calendar and on a clock; the month from 1. */
export interface CivilTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

/** Unix milliseconds of a time in UTC; null where there is no such day or time. A leap second is none. */
export function utcTime({ year, month, day, hour, minute, second }: CivilTime): number | null {
  if (hour > 23 || minute > 59 || second > 59) return null
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day) // Date.UTC would take the year 24 for 1924
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
  return date.setUTCHours(hour, minute, second)
}

/** Milliseconds that a clock is ahead of UTC, from `+01` and `30`; null beyond a day. */
export function offsetOf(hours: string, minutes: string): number | null {
  if (Math.abs(Number(hours)) > 23 || Number(minutes) > 59) return null
  const sign = hours.startsWith('-') ? -1 : 1
  return sign * (Math.abs(Number(hours)) * 60 + Number(minutes)) * 60_000
}
