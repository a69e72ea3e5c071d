/** Which known name a misspelt one was meant to be. */

/** Letters. What is shorter ends too many names. */
const SHORTEST_TAIL = 12

/** As a message ends with it: `; did you mean userAgentPrefix?`, or nothing where no name is near. */
export function didYouMean(written: string, names: Iterable<string>): string {
  const name = nearestName(written, names)
  return name === null ? '' : `; did you mean ${name}?`
}

/** Null where none is near. Case, underscores and dashes are what people mix up between languages; they count for nothing. */
export function nearestName<Name extends string>(written: string, names: Iterable<Name>): Name | null {
  let best: Name | null = null
  let bestDistance = Math.floor(bare(written).length / 3) + 1
  for (const name of names) {
    const changes = isTailOf(bare(written), bare(name)) ? 1 : distance(bare(written), bare(name))
    if (changes < bestDistance) {
      best = name
      bestDistance = changes
    }
  }
  return best
}

/** Whether two names differ in nothing that counts. */
export function isSameName(one: string, other: string): boolean {
  return bare(one) === bare(other)
}

/** `update_frequency`, as CrowdSec's own bouncers have it, of `stream_update_frequency`. */
function isTailOf(written: string, name: string): boolean {
  return written.length >= SHORTEST_TAIL && name.endsWith(written)
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}

/** Levenshtein distance, row by row. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...to].entries()) {
      const substituted = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(substituted, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
