import { getEventListeners, once } from 'node:events'
import { expect, it } from 'vitest'
import { OpenCalls } from '../../src/http/open-calls.js'

const reason = new Error('enough')

/** A call that goes on until its signal says otherwise. */
async function untilAborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort')
  throw signal.reason
}

it('a call ends with its caller, also one who had given up before', async () => {
  const calls = new OpenCalls()
  const caller = new AbortController()
  const late = calls.run(caller.signal, untilAborted)
  caller.abort(reason)
  await expect(late).rejects.toBe(reason)
  await expect(calls.run(caller.signal, untilAborted)).rejects.toBe(reason)
})

it('leaves nothing at the signal of a caller who lives on', async () => {
  const calls = new OpenCalls()
  const { signal } = new AbortController()
  expect(await calls.run(signal, async () => 'done')).toBe('done')
  await expect(calls.run(signal, () => Promise.reject(reason))).rejects.toBe(reason)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

it('the end ends all calls, waits for each, and lets none begin', async () => {
  const calls = new OpenCalls()
  let isOver = false
  const call = calls.run(undefined, async (signal) => {
    await untilAborted(signal).catch(() => {})
    await new Promise(setImmediate)
    isOver = true
    throw signal.reason
  })
  const failed = expect(call).rejects.toBe(reason)
  await calls.end(reason)
  expect(isOver).toBe(true)
  await failed
  await expect(calls.run(undefined, async () => 'late')).rejects.toBe(reason)
})
