/**
 * Sends every so many minutes, at a second and a minute of this process's own, so that a fleet that was started at once does not
 * come at once. Does not keep the process alive.
 */

import { randomInt } from 'node:crypto'
import type { ScheduledTask } from 'node-cron'

export interface SendScheduleOptions {
  /** Minutes. */
  readonly interval: number
  /** Never rejects. Not called while the last call is under way. */
  readonly send: () => Promise<unknown>
  /** From 0 to less than the limit. */
  readonly random?: (limit: number) => number
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export class SendSchedule {
  readonly #options: SendScheduleOptions
  #task: ScheduledTask | null = null
  #isStopped = false

  constructor(options: SendScheduleOptions) {
    this.#options = options
  }

  /** Resolves when the times are set. */
  async start(): Promise<void> {
    // Only now: most who load this package send nothing, and would wait for it at every start of their process.
    const { createTask } = await import('node-cron')
    if (this.#isStopped) return
    const { interval, send, random = randomInt } = this.#options
    let minutesLeft = 1 + random(interval)
    const everyMinute = async () => {
      minutesLeft--
      if (minutesLeft > 0) return
      minutesLeft = interval
      await send()
    }
    // Every minute, and counted here: a step of cron (`*/7`) begins anew with each hour, so that two runs would come too close.
    this.#task = createTask(`${random(60)} * * * * *`, everyMinute, {
      noOverlap: true,
      unref: true,
      suppressMissedWarning: true,
      logger: silent,
    })
    void this.#task.start()
  }

  stop(): void {
    this.#isStopped = true
    void this.#task?.destroy()
    this.#task = null
  }
}
