/** Times: what the Python SDK 0.7.0 (dateutil 2.9) gave for the same texts, and the strict reading that guesses nothing. */

import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { readSdkTime, sdkTimestamp } from '../../src/capi/signals/sdk-timestamp.js'
import { formatTime, parseTime } from '../../src/capi/timestamp.js'

const zoneOfThisRun = process.env['TZ']

/** Node reads the zone anew when it is assigned. */
function inZone(zone: string | undefined): void {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
}

afterEach(() => inZone(zoneOfThisRun))

describe('sdkTimestamp', () => {
  it.each([
    ['2024-02-19 12:12:21 +0000', '2024-02-19T12:12:21+0000'],
    ['2024-01-26 10:20:46+0000', '2024-01-26T10:20:46+0000'],
    ['2024-01-26T10:20:46Z', '2024-01-26T10:20:46+0000'],
    ['2024-01-26T10:20:46.123456Z', '2024-01-26T10:20:46+0000'],
    ['2024-01-26T10:20:46.123456789Z', '2024-01-26T10:20:46+0000'],
    ['2024-01-26T12:20:46+02:00', '2024-01-26T10:20:46+0000'],
    ['2024-01-26T10:20:46.999999+05:30', '2024-01-26T04:50:46+0000'],
    ['20240126T102046Z', '2024-01-26T10:20:46+0000'],
    ['20240126102046', '2024-01-26T10:20:46+0000'],
    ['Mon, 26 Jan 2024 10:20:46 GMT', '2024-01-26T10:20:46+0000'],
    ['26 January 2024', '2024-01-26T00:00:00+0000'],
    ['2020-11-28 10:20:46.842701127 +0100 +0100', '2020-11-28T09:20:46+0000'],
    ['2024-01-26 10:20:46', '2024-01-26T10:20:46+0000'],
    ['2024-01-26 10:20:46 UTC', '2024-01-26T10:20:46+0000'],
    ['2024-01-26T10:20:46 CET', '2024-01-26T10:20:46+0000'],
    ['2024-01-26T10:20:46 EST', '2024-01-26T10:20:46+0000'],
    ['01/02/2024', '2024-01-02T00:00:00+0000'],
    ['12/02/2024', '2024-12-02T00:00:00+0000'],
    ['13/02/2024', '2024-02-13T00:00:00+0000'],
    ['0999-05-05T01:02:03Z', '999-05-05T01:02:03+0000'],
    ['2024-02-29T23:59:59-23:59', '2024-03-01T23:58:59+0000'],
    ['Fri Jan 26 10:20:46 2024', '2024-01-26T10:20:46+0000'],
    ['Mon Jan  6 10:20:46 2024', '2024-01-06T10:20:46+0000'], // it was a Saturday
    ['January 26 10:20 2024', '2024-01-26T10:20:00+0000'],
    ['Fri Jan 26 10:20:46 UTC 2024', '2024-01-26T10:20:46+0000'],
    ['Fri Jan 26 10:20:46 +0100 2024', '2024-01-26T09:20:46+0000'],
    ['Fri Jan 26 10:20:46 EST 2024', '2024-01-26T10:20:46+0000'],
  ])('on a host in UTC %j is %s', (text, written) => {
    inZone('UTC')
    expect(sdkTimestamp(text)).toBe(written)
  })

  it.each([
    ['America/New_York', '2024-01-26 10:20:46', '2024-01-26T15:20:46+0000'],
    ['America/New_York', '2024-07-26 10:20:46', '2024-07-26T14:20:46+0000'],
    ['America/New_York', '2024-01-26 10:20:46 CET', '2024-01-26T15:20:46+0000'],
    ['America/New_York', '2024-01-26 10:20:46 UTC', '2024-01-26T10:20:46+0000'],
    ['America/New_York', '01/02/2024', '2024-01-02T05:00:00+0000'],
    ['America/New_York', '2024-03-10 02:30:00', '2024-03-10T07:30:00+0000'], // skipped there
    ['America/New_York', '2024-11-03 01:30:00', '2024-11-03T05:30:00+0000'], // there twice
    ['Asia/Kolkata', '2024-01-26 10:20:46', '2024-01-26T04:50:46+0000'],
    ['Asia/Kolkata', '2024-01-26T10:20:46Z', '2024-01-26T10:20:46+0000'],
  ])('on a host in %s %j is %s', (zone, text, written) => {
    inZone(zone)
    expect(sdkTimestamp(text)).toBe(written)
  })

  it.each([
    ['UTC', '2024-05-05T23:30:00Z', '2024-05-05T10:20:00+0000'],
    ['Asia/Kolkata', '2024-05-05T23:30:00Z', '2024-05-06T04:50:00+0000'],
  ])('in %s a time without a date is of the day that %s is there', (zone, now, written) => {
    inZone(zone)
    expect(sdkTimestamp('10:20', new Date(now))).toBe(written)
  })

  it.each([
    ['UTC', 'Jan 26 10:20:46', '2024-01-26T10:20:46+0000'],
    ['UTC', 'Jan  6 10:20:46', '2024-01-06T10:20:46+0000'],
    ['UTC', 'Fri, Jan 26 10:20:46.123', '2024-01-26T10:20:46+0000'],
    ['UTC', 'Feb 29 10:20:46', '2024-02-29T10:20:46+0000'],
    ['UTC', 'Mar 2 11:59:59', '2024-03-02T11:59:59+0000'], // a clock may be late
    ['Asia/Kolkata', 'Jan 26 10:20:46', '2024-01-26T04:50:46+0000'],
    ['Asia/Kolkata', 'Jan 26 10:20:46 Z', '2024-01-26T10:20:46+0000'],
  ])('in %s on the first of March 2024 the line of a log of %j is of %s', (zone, text, written) => {
    inZone(zone)
    expect(sdkTimestamp(text, new Date('2024-03-01T12:00:00Z'))).toBe(written)
  })

  it.each([
    ['2024-03-01', 'Mar 2 12:00:01'], // the SDK reads it as a day to come
    ['2024-03-01', 'Dec 31 23:59:59'],
    ['2025-03-01', 'Feb 29 10:20:46'],
    ['2024-03-01', 'Feb 30 10:20:46'],
    ['2024-03-01', 'Jan 26'],
    ['2024-03-01', 'Foo Jan 26 10:20:46'],
    ['2024-03-01', 'Jon 26 10:20:46'],
    ['2024-03-01', 'Jan 26 10:20:46 0024'],
  ])('refuses on %s a text without a year that may be of another one: %j', (day, text) => {
    inZone('UTC')
    expect(() => sdkTimestamp(text, new Date(`${day}T12:00:00Z`))).toThrow(
      expect.objectContaining({ code: 'ERR_CSB_SIGNAL' }),
    )
  })

  it('takes a Date', () => {
    expect(sdkTimestamp(new Date('2024-01-26T10:20:46.999-07:00'))).toBe('2024-01-26T17:20:46+0000')
  })

  it.each([
    '1706264446',
    '',
    ' ',
    'not a date',
    '2024-02-30T10:20:46Z',
    '2023-02-29',
    '2024-01-26T10:20:60Z',
    '2024-01-26T24:00:00Z',
    '2024-01-26T10:60:00Z',
    '13/13/2024',
    '32/01/2024',
    '0000-01-01T00:00:00Z',
    '0000-12-31T23:59:59-01:00',
    'Yes, 26 Jan 2024 10:20:46 GMT',
    '0001-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '2020-11-28 10:20:46 +0100 +0200',
    '2024-01-26T10:20:46Z; drop',
    `2024-01-26T10:20:46.${'1'.repeat(100_000)}x`,
  ])('refuses %.40j', (text) => {
    expect(() => sdkTimestamp(text)).toThrow(expect.objectContaining({ code: 'ERR_CSB_SIGNAL' }))
  })

  it('refuses a Date that is none, or beyond what it can write', () => {
    for (const date of [new Date(Number.NaN), new Date(8.64e15), new Date(-8.64e15)]) {
      expect(() => sdkTimestamp(date)).toThrow(expect.objectContaining({ code: 'ERR_CSB_SIGNAL' }))
    }
  })

  it('reads back what it wrote, whatever the zone', () => {
    const second = fc.integer({ min: Date.UTC(1000, 0, 1) / 1000, max: Date.UTC(9999, 11, 31) / 1000 })
    fc.assert(
      fc.property(second, fc.constantFrom('UTC', 'America/New_York', 'Asia/Kolkata'), (seconds, zone) => {
        inZone(zone)
        return readSdkTime(sdkTimestamp(new Date(seconds * 1000))) === seconds * 1000
      }),
    )
  })
})

describe('parseTime', () => {
  const at = Date.UTC(2024, 0, 26, 10, 20, 46)
  it.each([
    ['2024-01-26T10:20:46Z', at],
    ['2024-01-26t10:20:46z', at],
    ['2024-01-26 10:20:46Z', at],
    ['2024-01-26T10:20:46+0000', at],
    ['2024-01-26T10:20:46-00:00', at],
    ['2024-01-26T10:20:46+00', at],
    ['2024-01-26T12:20:46+02:00', at],
    ['2024-01-26T05:50:46-04:30', at],
    ['2024-01-26T10:20:46.1Z', at + 100],
    ['2024-01-26T10:20:46.123456Z', at + 123],
    ['2024-01-26T10:20:46.999999999Z', at + 999],
    ['2020-11-28 10:20:46.842701127 +0100 +0100', Date.UTC(2020, 10, 28, 9, 20, 46, 842)],
    ['2020-11-28 10:20:46.842701127 +0000 UTC', Date.UTC(2020, 10, 28, 10, 20, 46, 842)],
    ['0024-05-05T00:00:00Z', -61_399_036_800_000],
  ])('%s', (text, time) => {
    inZone('America/New_York')
    expect(parseTime(text)).toBe(time)
  })

  it.each([
    '2024-01-26 10:20:46', // whose time?
    '2024-01-26T10:20:46 CET',
    '01/02/2024',
    '01/02/2024 10:20:46Z',
    '10:20',
    '2024-01-26',
    '2024-01-26T10:20Z',
    '2024-1-26T10:20:46Z',
    '20240126T102046Z',
    'Mon, 26 Jan 2024 10:20:46 GMT',
    '2024-02-30T10:20:46Z',
    '2024-13-01T10:20:46Z',
    '2024-00-01T10:20:46Z',
    '2024-01-26T10:20:60Z',
    '2024-01-26T24:00:00Z',
    '2024-01-26T10:20:46+24:00',
    '2024-01-26T10:20:46+02:60',
    '2024-01-26T10:20:46.Z',
    '2024-01-26T10:20:46.1234567890Z',
    '2020-11-28 10:20:46 +0100 +0200',
    '2024-01-26T10:20:46Z ',
    '1706264446',
    '',
  ])('refuses %j', (text) => {
    expect(parseTime(text)).toBeNull()
  })

  it('reads what formatTime writes, and every offset, as Date does', () => {
    const time = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(time, fc.integer({ min: -1439, max: 1439 }), (date, minutes) => {
        const text = formatTime(date) ?? ''
        const pad = (number: number) => String(Math.floor(number)).padStart(2, '0')
        const ahead = `${minutes < 0 ? '-' : '+'}${pad(Math.abs(minutes) / 60)}:${pad(Math.abs(minutes) % 60)}`
        expect(parseTime(text)).toBe(date.getTime())
        expect(parseTime(text.replace('Z', ahead))).toBe(Date.parse(text.replace('Z', ahead)))
      }),
    )
  })
})

describe('formatTime', () => {
  it('writes RFC 3339 in UTC', () => {
    expect(formatTime(Date.UTC(2024, 0, 26, 10, 20, 46, 7))).toBe('2024-01-26T10:20:46.007Z')
    expect(formatTime(new Date('2024-01-26T10:20:46+02:00'))).toBe('2024-01-26T08:20:46.000Z')
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 8.64e15, -8.64e15])('is null for %d', (time) => {
    expect(formatTime(time)).toBeNull()
  })
})
