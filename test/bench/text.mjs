/** Numbers as people read them. */

import { median } from './statistics.mjs'

export function countOf(number) {
  return number.toLocaleString('en-US')
}

/** Three significant digits, thousands set apart. */
export function numberText(value) {
  if (value === 0) return '0'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

/** The median, and the smallest round. */
export function nanoseconds(times) {
  return `${numberText(median(times))} ns (best ${numberText(Math.min(...times))})`
}
