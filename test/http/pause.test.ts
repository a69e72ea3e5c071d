import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { pauseFor, pauseInBackground } from '../../src/http/pause.js'

/** Timers that keep the process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
}

it.each([
  ['a pause keeps the process alive', pauseFor, 1],
  ['a pause in the background does not', pauseInBackground, 0],
] as const)('%s, ends at once when its signal is aborted, and leaves nothing', async (_what, pause, kept) => {
  const before = timers()
  const abort = new AbortController()
  const pausing = pause(600_000, abort.signal)
  expect(timers() - before).toBe(kept)
  abort.abort()
  await pausing
  await pause(600_000, abort.signal)
  expect(timers() - before).toBe(0)
})

it('one after the other, pauses leave nothing at the signal', async () => {
  const { signal } = new AbortController()
  for (let pauses = 0; pauses < 3; pauses++) await pauseFor(1, signal)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
