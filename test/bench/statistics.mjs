/** The few numbers that say what many measurements said. */

export function median(values) {
  return quantile(values, 0.5)
}

export function quantile(values, part) {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
}

/** The median of the quotients, pair by pair. */
export function medianRatio(above, below) {
  return median(above.map((value, i) => value / below[i]))
}

/** The median of the differences, pair by pair. */
export function medianDifference(more, less) {
  return median(more.map((value, i) => value - less[i]))
}
