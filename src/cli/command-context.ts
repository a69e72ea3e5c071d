/** What commands work with: where they write, what is piped in, and what ends them. */

export interface CommandContext {
  print(text: string): void
  printError(text: string): void
  /** What is piped in. */
  readonly input: AsyncIterable<Uint8Array | string>
  /** Whether a person watches what `printError` prints, and progress may be drawn there. */
  readonly isWatched: boolean
  /** Aborted when the command is to end early. Asked for only by those that can end cleanly. */
  untilInterrupted(): AbortSignal
}
