/** The service's log: JSON lines on standard output, by pino. */

import { pino } from 'pino'
import type { LogLevel } from '../config/options/options.js'
import type { Logger } from '../logger.js'

/** Writes synchronously, so that the last lines are not lost when the process ends. A remediation has fields of its own. */
export function serviceLogger(level: LogLevel): Logger {
  const lines = pino({ level }, pino.destination({ fd: 1, sync: true }))
  return {
    debug: (message) => lines.debug(message),
    info: (message) => lines.info(message),
    warn: (message) => lines.warn(message),
    error: (message) => lines.error(message),
    remediation: ({ dryRun, ...fields }, message) => lines.info({ ...fields, dry_run: dryRun }, message),
  }
}
