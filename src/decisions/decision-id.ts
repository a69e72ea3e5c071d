/** Row ids: 64-bit integers, which JavaScript numbers hold only up to 2^53 - 1. */

const TWO_TO_32 = 0x1_0000_0000
const LARGEST = 0xffff_ffff_ffff_ffffn

/** The two 32-bit halves of an id. */
export interface IdWords {
  readonly low: number
  readonly high: number
}

/** Splits a number or a decimal string; null for what is no whole number from 0 to 2^64 - 1. */
export function splitId(id: number | string | undefined): IdWords | null {
  if (typeof id === 'number') {
    return Number.isSafeInteger(id) && id >= 0 ? { low: id | 0, high: Math.floor(id / TWO_TO_32) } : null
  }
  if (typeof id !== 'string' || !/^\d{1,20}$/.test(id)) return null
  const value = BigInt(id)
  return value > LARGEST
    ? null
    : { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) }
}

/** The id as a number, or as a decimal string where a number could not hold it. */
export function joinId(low: number, high: number): number | string {
  const upper = high >>> 0
  if (upper < 0x20_0000) return upper * TWO_TO_32 + (low >>> 0)
  return String((BigInt(upper) << 32n) | BigInt(low >>> 0))
}
