/**
 * Go durations to milliseconds: what `time.ParseDuration` accepts, to the nanosecond.
 * Hot: once per decision. One pass by charCodeAt; well-formed text allocates nothing.
 */

const MAX_SECONDS = 9_223_372_036 // Go counts nanoseconds in 64 bits: 2562047h47m16.854775807s
const MAX_NANOS = 854_775_807
const BILLION = 1_000_000_000

/**
 * Milliseconds in `text`, with a fraction where there is one; negative where the time is over.
 * `undefined` if `text` is not a Go duration or beyond what Go can hold (about 292 years).
 * A component is cut to whole nanoseconds, as Go does.
 */
export function parseGoDuration(text: string): number | undefined {
  const end = text.length
  const first = end === 0 ? 0 : text.charCodeAt(0)
  const negative = first === 0x2d
  let at = negative || first === 0x2b ? 1 : 0
  if (at === end) return undefined
  if (at + 1 === end && text.charCodeAt(at) === 0x30) return 0 // the only number that may go without a unit

  let seconds = 0
  let nanos = 0
  while (at < end) {
    // The whole part, in two limbs (high * 1e9 + low) because 63 bits do not fit a double.
    const wholeStart = at
    let high = 0
    let low = 0
    let code = text.charCodeAt(at)
    while (code >= 0x30 && code <= 0x39) {
      low = low * 10 + (code - 0x30)
      const carry = Math.floor(low / BILLION)
      low -= carry * BILLION
      high = high * 10 + carry
      if (high > MAX_SECONDS) return undefined // beyond the range in any unit
      code = ++at < end ? text.charCodeAt(at) : 0
    }
    let digits = at - wholeStart

    let fraction = 0
    let scale = 1
    if (code === 0x2e) {
      const fractionStart = at + 1
      code = ++at < end ? text.charCodeAt(at) : 0
      while (code >= 0x30 && code <= 0x39) {
        // Digits after the fifteenth are below a nanosecond in every unit.
        if (scale < 1e15) {
          fraction = fraction * 10 + (code - 0x30)
          scale *= 10
        }
        code = ++at < end ? text.charCodeAt(at) : 0
      }
      digits += at - fractionStart
    }
    if (digits === 0) return undefined

    const next = at + 1 < end ? text.charCodeAt(at + 1) : 0
    switch (code) {
      case 0x68: // h
        seconds += (high * BILLION + low) * 3600
        nanos += Math.floor(fraction * (3600e9 / scale))
        at += 1
        break
      case 0x6d: // m, ms
        if (next === 0x73) {
          const rest = low % 1000
          seconds += high * 1e6 + (low - rest) / 1000
          nanos += rest * 1e6 + Math.floor(fraction * (1e6 / scale))
          at += 2
        } else {
          seconds += (high * BILLION + low) * 60
          nanos += Math.floor(fraction * (60e9 / scale))
          at += 1
        }
        break
      case 0x73: // s
        seconds += high * BILLION + low
        nanos += Math.floor(fraction * (BILLION / scale))
        at += 1
        break
      case 0x75: // us, and with the micro sign or the Greek mu
      case 0xb5:
      case 0x3bc: {
        if (next !== 0x73) return undefined
        const rest = low % 1e6
        seconds += high * 1000 + (low - rest) / 1e6
        nanos += rest * 1000 + Math.floor(fraction * (1000 / scale))
        at += 2
        break
      }
      case 0x6e: // ns
        if (next !== 0x73) return undefined
        seconds += high
        nanos += low + Math.floor(fraction / scale)
        at += 2
        break
      default:
        return undefined
    }

    const carry = Math.floor(nanos / BILLION)
    nanos -= carry * BILLION
    seconds += carry
    // A negative duration may be one nanosecond longer than a positive one, as in every two's complement.
    if (seconds > MAX_SECONDS || (seconds === MAX_SECONDS && nanos > MAX_NANOS + (negative ? 1 : 0))) return undefined
  }
  const milliseconds = seconds * 1000 + nanos / 1e6
  return negative && milliseconds !== 0 ? -milliseconds : milliseconds
}
