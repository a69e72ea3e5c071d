/** The logger that a user may hand in. The library is silent without one. */

/** What we ask of a logger: pino's and console's shape both fit. The first argument is the sentence. */
export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
