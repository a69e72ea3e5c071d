/** Decisions on things that are not addresses (Country, AS, custom scopes): exact text to the head of a chain. */
export class TextIndex {
  readonly #scopes = new Map<string, Map<string, number>>()

  /** The value, or 0. Allocates nothing. */
  get(scope: string, value: string): number {
    return this.#scopes.get(scope)?.get(value) ?? 0
  }

  set(scope: string, value: string, head: number): void {
    const values = this.#scopes.get(scope)
    if (values === undefined) this.#scopes.set(scope, new Map([[value, head]]))
    else values.set(value, head)
  }

  delete(scope: string, value: string): void {
    const values = this.#scopes.get(scope)
    if (values?.delete(value) === true && values.size === 0) this.#scopes.delete(scope)
  }
}
