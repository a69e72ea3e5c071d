/** One line in the log for each remediation, as a sentence or, where the logger takes them, as fields. */

import { sourceOf, type Verdict } from '../decisions/decision.js'
import { LineLimit } from '../line-limit.js'
import type { Logger } from '../logger.js'

/** What is no address may be as long as a header. */
const LONGEST_ADDRESS = 100

export interface Remediation {
  readonly address: string
  readonly verdict: Verdict
  /** What was really done: the verdict's action, or what it fell back to. */
  readonly action: string
  /** Nothing was done, for the sake of a try. */
  readonly isDryRun: boolean
}

export class RemediationLog {
  readonly #logger: Logger
  readonly #limit: LineLimit

  constructor(logger: Logger) {
    this.#logger = logger
    this.#limit = new LineLimit((count) =>
      logger.info(`${count} more remediations within a second are left out of the log`),
    )
  }

  note(remediation: Remediation): void {
    if (this.#limit.admits()) this.#write(remediation)
  }

  /** Tells what was left out since the last second began. */
  end(): void {
    this.#limit.endWindow()
  }

  #write({ address, verdict, action, isDryRun }: Remediation): void {
    const source = sourceOf(verdict)
    const { origin = '', scenario = '' } = source ?? {}
    const shown = typeof address === 'string' ? address.slice(0, LONGEST_ADDRESS) : ''
    const done = isDryRun ? `would get a ${action} (dry run)` : `gets a ${action}`
    const why = source === null ? 'by a failure policy' : `by ${origin}, ${scenario}`
    const message = `${shown} ${done} ${why}`
    if (this.#logger.remediation === undefined) this.#logger.info(message)
    else this.#logger.remediation({ address: shown, action, origin, scenario, dryRun: isDryRun }, message)
  }
}
