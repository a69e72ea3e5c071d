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

/** The same logger, whose failures are its own: a log that cannot be written must not stop a sync or a request. */
export function unfailing(logger: Logger): Logger {
  const safely = (level: keyof Logger) => (message: string) => {
    try {
      logger[level](message)
    } catch {
      // There is nobody left to tell.
    }
  }
  return { debug: safely('debug'), info: safely('info'), warn: safely('warn'), error: safely('error') }
}
