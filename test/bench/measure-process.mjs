/** Memory and event-loop blocks of this process, each measured in one way everywhere. */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Bytes after two full collections. `external` already includes `arrayBuffers` in Node (since 12.16), so that what
 * perf counts as three numbers is two here and nothing counts twice.
 */
export function memoryNow() {
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return { heap: heapUsed, external, total: heapUsed + external }
}

/** Milliseconds of the longest time in which the event loop did not come round while `work` ran, and its result. */
export async function longestBlock(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await pause(20)
  delay.reset()
  const result = await work()
  await pause(20)
  delay.disable()
  return { result, block: delay.max / 1e6 }
}

/** The same of a loop that does nothing for a while: what the machine itself adds. */
export async function idleBlock(milliseconds = 1000) {
  return (await longestBlock(() => pause(milliseconds))).block
}

/** Megabytes: the most memory that this process ever had. */
export function peakRss() {
  return process.resourceUsage().maxRSS / 1024
}
