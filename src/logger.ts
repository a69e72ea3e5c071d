/** The logger that a user may hand in. The library is silent without one. */

/** What we ask of a logger: the shapes of console, pino and winston all fit. The only argument is a sentence, on one line. */
export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
  /** Where it exists, each remediation goes here in place of `info`, for logs that machines read. */
  remediation?(fields: RemediationFields, message: string): void
}

/** What is logged of one remediation, each text as it was received. The time is the logger's business. */
export interface RemediationFields {
  readonly address: string
  /** What was done, or would have been done in a dry run. */
  readonly action: string
  /** Empty where a failure policy decided and no decision did. */
  readonly origin: string
  readonly scenario: string
  readonly dryRun: boolean
}

type Level = 'debug' | 'info' | 'warn' | 'error'

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * The same logger, made safe. Its failures are its own: a log that cannot be written must not stop a sync or a request. And
 * what a visitor or a LAPI wrote cannot forge a line of it.
 */
export function safeLogger(logger: Logger): Logger {
  const at = (level: Level) => (message: string) => safely(() => logger[level](oneLine(message)))
  const levels = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  if (logger.remediation === undefined) return levels
  return { ...levels, remediation: (fields, message) => safely(() => logger.remediation?.(fields, oneLine(message))) }
}

function safely(write: () => void): void {
  try {
    write()
  } catch {
    // There is nobody left to tell.
  }
}

/** Control characters, what else ends a line, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** Text on one line that shows what it holds: what a terminal or a log would obey is written as `\u{a}`. */
export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
