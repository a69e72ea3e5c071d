import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished, test, vi } from 'vitest'
import { SendSchedule } from '../../src/signals/sending/send-schedule.js'

const MINUTE = 60_000

/** The times at which it sends within so many hours, in minutes since the start, which is at ten seconds past a full hour. */
async function sends(interval: number, hours: number, random?: (limit: number) => number): Promise<number[]> {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 0, 0, 10) })
  onTestFinished(() => void vi.useRealTimers())
  const began = Date.now()
  const times: number[] = []
  const send = async () => void times.push((Date.now() - began) / MINUTE)
  const schedule = new SendSchedule({ interval, send, ...(random === undefined ? {} : { random }) })
  await schedule.start()
  await vi.advanceTimersByTimeAsync(hours * 60 * MINUTE)
  schedule.stop()
  const { length } = times
  await vi.advanceTimersByTimeAsync(60 * MINUTE)
  expect(times).toHaveLength(length)
  return times
}

test.each([5, 7, 10, 13, 20])('every %i minutes, also over the hour', async (interval) => {
  const times = await sends(interval, 5)
  expect(times.length).toBeGreaterThanOrEqual(Math.floor(300 / interval) - 1)
  expect(times[0]).toBeLessThanOrEqual(interval + 1)
  for (const [index, time] of times.entries()) {
    if (index > 0) expect(time - times[index - 1]).toBeCloseTo(interval, 2)
  }
})

it('at a minute and a second of its own', async () => {
  expect((await sends(10, 1, () => 0))[0]).toBeCloseTo(50 / 60, 2)
  expect((await sends(10, 1, (limit) => limit - 1))[0]).toBeCloseTo(9 + 49 / 60, 2)
})

it('that was stopped before it began sends nothing', async () => {
  vi.useFakeTimers({ now: 0 })
  onTestFinished(() => void vi.useRealTimers())
  let sent = 0
  const schedule = new SendSchedule({ interval: 5, send: async () => void sent++ })
  const starting = schedule.start()
  schedule.stop()
  await starting
  await vi.advanceTimersByTimeAsync(30 * MINUTE)
  expect(sent).toBe(0)
})

it('does not send while it still sends', async () => {
  vi.useFakeTimers({ now: 0 })
  onTestFinished(() => void vi.useRealTimers())
  let sent = 0
  const send = () => {
    sent++
    return new Promise((end) => setTimeout(end, 12 * MINUTE))
  }
  const schedule = new SendSchedule({ interval: 5, send, random: () => 0 })
  await schedule.start()
  await vi.advanceTimersByTimeAsync(17 * MINUTE)
  schedule.stop()
  expect(sent).toBe(2)
})

it('does not keep the process alive', async () => {
  const file = resolve(import.meta.dirname, '../../dist/src/signals/sending/send-schedule.js')
  const code = `const { SendSchedule } = await import(${JSON.stringify(file)}); new SendSchedule({ interval: 5, send: async () => {} }).start(); console.log('over')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    timeout: 20_000,
  })
  expect(stdout).toBe('over\n')
})
