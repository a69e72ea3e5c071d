/**
 * Times as the Python SDK (0.7.0) reads and writes them. It hands text to python-dateutil, which takes nearly anything; this takes
 * the usual forms, those of syslog and `ctime` too, reads them as dateutil (2.9) does, and refuses the rest. A time without an
 * offset is this machine's local time, and `01/02/2024` is January: where that would be a guess, use `parseTime`.
 */

import { BouncerError } from '../../errors.js'
import { quoted } from '../../quoted.js'
import { type CivilTime, offsetOf, utcTime } from '../timestamp.js'

/** Alternatives: year first; the same without separators, and then the time may have none either; year last; a month by name. */
const datePattern = [
  String.raw`(?<y1>\d{4})(?<s1>[-/])(?<m1>\d{1,2})\k<s1>(?<d1>\d{1,2})`,
  String.raw`(?<y2>\d{4})(?<m2>\d\d)(?<d2>\d\d)`,
  String.raw`(?<m3>\d{1,2})(?<s3>[-/])(?<d3>\d{1,2})\k<s3>(?<y3>\d{4})`,
  String.raw`(?:[A-Za-z]{3,9},? +)?(?<d4>\d{1,2}) +(?<m4>[A-Za-z]{3,9}) +(?<y4>\d{4})`,
].join('|')

const timePattern = String.raw`(?<hour>\d{1,2}):(?<minute>\d{1,2})(?::(?<second>\d{1,2})(?:\.\d+|(?<=\d\d),\d+)?)?`
const bareTimePattern = String.raw`(?<bareHour>\d\d)(?<bareMinute>\d\d)(?:(?<bareSecond>\d\d)(?:[.,]\d+)?)?`
const joined = String.raw`(?<=^\d{8})(?=\d{4}(?:\d\d)?(?![\d.,]))`

/** The offset may stand twice, as Go prints a time. Another name of a zone than UTC's says nothing to dateutil. */
const offset = String.raw`[+-]\d\d(?::?\d\d)?`
const zonePattern = String.raw` *(?:(?<utc>Z|z|UTC|GMT)|(?<offset>${offset})(?: +\k<offset>)?|(?<name>[A-Z]{3,5}))`

const withDate = new RegExp(
  `^(?:${datePattern})(?:(?:[Tt]| +|${joined})(?:${timePattern}|${bareTimePattern})(?:${zonePattern})?)?$`,
)
const withoutDate = new RegExp(`^${timePattern}(?:${zonePattern})?$`)
/** As a log of syslog has it, without a year, and as `ctime` and `date` write it, with the year at the end. */
const monthFirst = new RegExp(
  `^(?:(?<weekday>[A-Za-z]{3,9}),? +)?(?<m5>[A-Za-z]{3,9}) +(?<d5>\\d{1,2}) +${timePattern}(?:${zonePattern})?(?: +(?<y5>\\d{4}))?$`,
)

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const LONG_MONTHS = 'january february march april may june july august september october november december'.split(' ')
const WEEKDAYS = /^(?:mon|tue|wed|thu|fri|sat|sun)/i
const DAY = 24 * 60 * 60 * 1000

type Groups = Readonly<Record<string, string | undefined>>

/** Unix milliseconds, of whole seconds. `now`: which day, or year, a time without one is of. Throws `ERR_CSB_SIGNAL`. */
export function readSdkTime(text: string, now: Date = new Date()): number {
  const trimmed = text.trim()
  const groups: Groups | undefined = (withDate.exec(trimmed) ?? withoutDate.exec(trimmed) ?? monthFirst.exec(trimmed))
    ?.groups
  const time = groups === undefined ? null : timeOf(trimmed, groups, now)
  // dateutil takes a day without a year to be of this one, also where it is to come: that one was more likely a year ago.
  const isGuess = groups?.['m5'] !== undefined && groups['y5'] === undefined
  if (time === null || (isGuess && time > now.getTime() + DAY)) {
    const got = quoted(text)
    throw new BouncerError('ERR_CSB_SIGNAL', `created_at: expected a time such as 2024-01-26T10:20:46Z, got ${got}`)
  }
  return time
}

/**
 * A time in the SDK's form, `2024-01-26T10:20:46+0000`: UTC, whole seconds, the offset without a colon (so not RFC 3339), the year
 * without leading zeros. Throws `ERR_CSB_SIGNAL`.
 */
export function sdkTimestamp(time: string | Date, now?: Date): string {
  return sdkText(new Date(typeof time === 'string' ? readSdkTime(time, now) : time), 'created_at')
}

/** The same of a `Date`; `field` is what the error names. */
export function sdkText(date: Date, field: string): string {
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) {
    throw new BouncerError(
      'ERR_CSB_SIGNAL',
      `${field}: expected a time in the years 1 to 9999, got ${Number.isNaN(year) ? 'none' : year}`,
    )
  }
  return `${year}-${date.toISOString().slice(5, 19)}+0000`
}

function timeOf(text: string, groups: Groups, now: Date): number | null {
  const date = dateOf(text, groups, now)
  if (date === null || date.year < 1) return null
  const civil = {
    ...date,
    hour: Number(groups['hour'] ?? groups['bareHour'] ?? 0),
    minute: Number(groups['minute'] ?? groups['bareMinute'] ?? 0),
    second: Number(groups['second'] ?? groups['bareSecond'] ?? 0),
  }
  const utc = utcTime(civil)
  if (utc === null) return null
  if (groups['utc'] !== undefined) return utc
  if (groups['offset'] === undefined) return localTime(civil)
  const digits = groups['offset'].replace(':', '')
  const ahead = offsetOf(digits.slice(0, 3), digits.slice(3))
  return ahead === null ? null : utc - ahead
}

function dateOf(text: string, groups: Groups, now: Date): Pick<CivilTime, 'year' | 'month' | 'day'> | null {
  const name = (groups['m4'] ?? groups['m5'])?.toLowerCase()
  const thisYear = name === undefined ? undefined : String(now.getFullYear())
  const year = groups['y1'] ?? groups['y2'] ?? groups['y3'] ?? groups['y4'] ?? groups['y5'] ?? thisYear
  if (year === undefined) return { year: now.getFullYear(), month: now.getMonth() + 1, day: now.getDate() }
  const day = Number(groups['d1'] ?? groups['d2'] ?? groups['d3'] ?? groups['d4'] ?? groups['d5'])
  if (name === undefined) {
    const month = Number(groups['m1'] ?? groups['m2'] ?? groups['m3'])
    const isDayFirst = groups['y3'] !== undefined && month > 12
    return isDayFirst ? { year: Number(year), month: day, day: month } : { year: Number(year), month, day }
  }
  const startsWell = groups['m5'] === undefined ? /^\d/.test(text) : groups['weekday'] === undefined
  if ((!startsWell && !WEEKDAYS.test(text)) || Number(year) < 100) return null
  const month = Math.max(MONTHS.indexOf(name), LONG_MONTHS.indexOf(name)) + 1
  return month === 0 ? null : { year: Number(year), month, day }
}

/** In an hour that is there twice, the first; in one that is skipped, as if it were not: as Python does. */
function localTime({ year, month, day, hour, minute, second }: CivilTime): number {
  const date = new Date(2000, 0, 1, 12) // at noon no zone skips
  date.setFullYear(year, month - 1, day)
  return date.setHours(hour, minute, second, 0)
}
