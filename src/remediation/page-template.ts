/** A page of the user's with `{{status}}`, `{{action}}` and `{{address}}` in it, compiled once. Every value is HTML-escaped. */

export interface PageValues {
  readonly status: string
  /** What the decision says: `ban`, or the type that fell back to one. */
  readonly action: string
  readonly address: string
}

const PLACEHOLDER = /\{\{\s*(status|action|address)\s*\}\}/

export class PageTemplate {
  /** Text and names of values in turn: the first is text. */
  readonly #parts: readonly string[]

  /** Any other text in braces stays as it is. */
  constructor(text: string) {
    this.#parts = text.split(PLACEHOLDER)
  }

  render(values: PageValues): string {
    let page = ''
    for (const [index, part] of this.#parts.entries()) {
      page += index % 2 === 0 ? part : escapeHtml(values[part as keyof PageValues])
    }
    return page
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Fit for text and for attributes in quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
