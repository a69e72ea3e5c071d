/** What the grammar asked for at a byte that does not fit, as an index into the bytes given. */
export class JsonMismatch extends Error {
  readonly at: number

  constructor(expected: string, at: number) {
    super(expected)
    this.at = at
  }
}
