/**
 * Paths that are not judged. Being let through unjudged must not be had by spelling a path in an odd way: a path counts as below
 * an excluded one only if no router, proxy or file system could understand it as another.
 */

/**
 * What some server on the way may resolve or decode once more: an empty segment, a dot segment (also before `;`, where Java
 * servers cut it off), a backslash, the encoded forms of slash, backslash, dot and percent sign, and the overlong ones.
 */
const AMBIGUOUS = /\/\/|\/\.{1,2}(?:[/;]|$)|\\|%(?:2e|2f|5c|25|c[01])/i

export class ExcludedPaths {
  readonly #paths: readonly string[]

  /** Each begins with a slash. One that ends with a slash holds only what is below it. */
  constructor(paths: readonly string[]) {
    this.#paths = paths
  }

  /** `path`: as the client sent it, with or without a query. Case matters. */
  has(path: string): boolean {
    for (const one of this.#paths) if (isBelow(path, one)) return !AMBIGUOUS.test(withoutQuery(path))
    return false
  }
}

function isBelow(path: string, excluded: string): boolean {
  if (!path.startsWith(excluded)) return false
  const next = path.charAt(excluded.length)
  return excluded.endsWith('/') || next === '' || next === '/' || next === '?'
}

function withoutQuery(path: string): string {
  const end = path.indexOf('?')
  return end === -1 ? path : path.slice(0, end)
}
