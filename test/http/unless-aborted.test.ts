import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { unlessAborted } from '../../src/http/unless-aborted.js'

const reason = new Error('enough')
const never = new Promise<never>(() => {})

it.each([
  ['before', true],
  ['meanwhile', false],
])('throws the reason where the signal is aborted %s', async (_when, isBefore) => {
  const abort = new AbortController()
  if (isBefore) abort.abort(reason)
  const waiting = unlessAborted(never, abort.signal)
  abort.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

it('leaves nothing at a signal that lives on', async () => {
  const { signal } = new AbortController()
  expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7)
  await expect(unlessAborted(Promise.reject(reason), signal)).rejects.toBe(reason)
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
