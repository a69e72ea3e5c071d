/** What a command says: its result on standard output, as text or as JSON, and everything else on standard error. */

import type { CommandContext } from '../command-context.js'
import { oneLine } from '../terminal-text.js'
import { tableLines } from './table.js'

/** How items of a list are shown. */
export interface ListFormat<Item> {
  readonly header: readonly string[]
  row(item: Item): readonly string[]
  document(item: Item): unknown
}

/** Lines written at once. */
const BLOCK = 1_000

/** Milliseconds between two drawings of progress. */
const PROGRESS_INTERVAL = 100

export class Output {
  readonly #context: Pick<CommandContext, 'print' | 'printError' | 'isWatched'>
  readonly #format: 'text' | 'json'
  #drawnAt = Number.NEGATIVE_INFINITY
  #isDrawn = false

  constructor(context: Pick<CommandContext, 'print' | 'printError' | 'isWatched'>, format: 'text' | 'json') {
    this.#context = context
    this.#format = format
  }

  /** The one result: the lines, or the document as JSON. */
  result(lines: Iterable<string>, document: unknown): void {
    this.#printLines(this.#format === 'json' ? [json(document)] : lines)
  }

  /** A result of many items: a table, or one JSON document a line. */
  list<Item>(items: Iterable<Item>, { header, row, document }: ListFormat<Item>): void {
    this.#printLines(
      this.#format === 'json' ? mapped(items, (item) => json(document(item))) : table(items, header, row),
    )
  }

  /** A sentence for people, also where the result is JSON. */
  note(sentence: string): void {
    this.#erase()
    this.#context.printError(`${oneLine(sentence)}\n`)
  }

  /** How far it is: drawn over what was drawn before, now and then, and only where somebody watches. */
  progress(sentence: string): void {
    const now = performance.now()
    if (!this.#context.isWatched || now - this.#drawnAt < PROGRESS_INTERVAL) return
    this.#drawnAt = now
    this.#erase()
    this.#context.printError(oneLine(sentence))
    this.#isDrawn = true
  }

  /** Takes progress away. Called before a command ends, however it ends. */
  close(): void {
    this.#erase()
  }

  #erase(): void {
    if (this.#isDrawn) this.#context.printError('\r\u001b[K')
    this.#isDrawn = false
  }

  #printLines(lines: Iterable<string>): void {
    this.#erase()
    let block: string[] = []
    for (const line of lines) {
      if (block.push(line) < BLOCK) continue
      this.#context.print(`${block.join('\n')}\n`)
      block = []
    }
    if (block.length > 0) this.#context.print(`${block.join('\n')}\n`)
  }
}

/** C1 controls may stand in JSON as they are, and a terminal would obey them. */
function json(document: unknown): string {
  return JSON.stringify(document).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  )
}

function* mapped<Item, Result>(items: Iterable<Item>, map: (item: Item) => Result): Generator<Result> {
  for (const item of items) yield map(item)
}

/** A header above nothing says nothing. */
function* table<Item>(
  items: Iterable<Item>,
  header: readonly string[],
  row: (item: Item) => readonly string[],
): Generator<string> {
  const rows = [...mapped(items, row)]
  if (rows.length > 0) yield* tableLines(header, rows)
}
