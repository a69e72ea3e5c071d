/** Long work in short statements: SQLite works on the main thread, and both databases bound the parameters of one statement. */

/** Rows of one statement. Milliseconds of work, also where each row has several columns. */
export const SLICE = 250

export function* slicesOf<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += SLICE) yield items.slice(start, start + SLICE)
}

/** Calls `work`, which tells how many rows it changed, until there are fewer than it may, or `most` are reached. Returns their sum. */
export async function inSlices(
  work: (limit: number) => Promise<number>,
  most: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  let total = 0
  while (total < most) {
    const limit = Math.min(SLICE, most - total)
    const changed = await work(limit)
    total += changed
    if (changed < limit) break
  }
  return total
}
