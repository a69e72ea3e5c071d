/** Seconds as the Go duration that CAPI takes in decisions. */

import { BouncerError } from '../../errors.js'

/** What Go can hold, about 292 years. */
const LONGEST = 9_223_372_036

/** `86400` is `24h0m0s`, as the PHP client writes it. Throws `ERR_CSB_SIGNAL` unless the seconds are whole and not below 0. */
export function durationText(seconds: number): string {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > LONGEST) {
    const message = `duration: expected whole seconds from 0 to ${LONGEST}, got ${String(seconds)}`
    throw new BouncerError('ERR_CSB_SIGNAL', message)
  }
  return `${Math.floor(seconds / 3600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s`
}
