/** What is held of each list that CAPI links to: when it came, how long it lasts, and so whether it has to be sent again. */

export interface HeldCopy {
  /** Unix milliseconds at which its download began, by our clock. */
  readonly since: number
  /** Milliseconds of the monotonic clock at which it is over; infinite where it never is. */
  readonly until: number
  /** What was made of it: another remediation or duration needs the list again. */
  readonly terms: string
}

export class LinkedCopies {
  readonly #copies = new Map<string, HeldCopy>()
  readonly #empty = new Set<string>()
  readonly #told = new Map<string, string>()
  #wereGone = false

  /** The time for the condition of a download; null where it must be unconditional. */
  since(name: string, terms: string, neededUntil: number): number | null {
    const copy = this.#copies.get(name)
    return copy !== undefined && copy.terms === terms && copy.until > neededUntil ? copy.since : null
  }

  note(name: string, copy: HeldCopy): void {
    this.#copies.set(name, copy)
  }

  /** Whether a list that came is empty, and was when it came the last time: what answers with nothing once may be broken. */
  isEmptyAgain(name: string, entries: number): boolean {
    const wasEmpty = this.#empty.has(name)
    if (entries > 0) this.#empty.delete(name)
    else this.#empty.add(name)
    return entries === 0 && wasEmpty
  }

  /** Whether something is to be told of a list that was not told when it came the last time. */
  isNews(name: string, line: string | null): boolean {
    if (line === null) this.#told.delete(name)
    if (line === null || this.#told.get(name) === line) return false
    this.#told.set(name, line)
    return true
  }

  /** Whether CAPI links to no list, and to none when it last said so: an answer that is empty once may be a broken one. */
  areGoneAgain(links: number): boolean {
    const wereGone = this.#wereGone
    this.#wereGone = links === 0
    return links === 0 && wereGone
  }

  /** Forgets the lists that are none of these. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#copies.keys()) if (!names.has(name)) this.#copies.delete(name)
    for (const name of this.#empty) if (!names.has(name)) this.#empty.delete(name)
    for (const name of this.#told.keys()) if (!names.has(name)) this.#told.delete(name)
  }
}
