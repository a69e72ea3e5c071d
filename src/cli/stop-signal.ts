/** The signals that end the program. */

import { constants } from 'node:os'

// npm passes SIGINT on to a process that the terminal's Ctrl-C has reached already: the echo is no second request.
const echo = 300

/**
 * Resolves at the first SIGTERM, SIGINT or SIGHUP, which comes when a terminal or an SSH session is closed. A later one, unless it is
 * an echo, ends the process at once (143, 130, 129).
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: number | null = null
    const onSignal = (signal: NodeJS.Signals) => {
      const now = performance.now()
      if (first === null) {
        first = now
        resolve(signal)
      } else if (now - first > echo) process.exit(128 + constants.signals[signal])
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal)
  })
}
