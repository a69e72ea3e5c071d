/** What is shown of CAPI while the storage fails or does not answer. */

import { Registry } from 'prom-client'
import { expect, it, onTestFinished, vi } from 'vitest'
import { addCapiMetrics, type MeasuredAccount } from '../../src/metrics/capi-metrics.js'

const reporting = { pending: 7, stored: 2, sent: 1, rejected: 0, dropped: {} }
const counts = { queued: 3, sent: 0, quarantined: 0, oldestQueuedAt: null }
const ANSWERS: MeasuredAccount = {
  logins: { ok: 1 },
  outbox: async () => counts,
  machineState: async () => 'active',
  isBreakerOpen: async () => false,
}
const never = () => new Promise<never>(() => {})

function registryOf(account: MeasuredAccount): Registry {
  const registry = new Registry()
  addCapiMetrics(registry, { reporting: () => reporting, account: () => account })
  return registry
}

/** Names of the series, without the prefix of the package. */
async function scraped(registry: Registry): Promise<string> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return [...new Set(lines.map((line) => line.replace(/^crowdsec_bouncer_|[{ ].*$/g, '')))].join(' ')
}

const OWN = 'signals_pending signals_total'

it.each<[string, Partial<MeasuredAccount>, string]>([
  [
    'answers',
    {},
    `${OWN} outbox_signals outbox_oldest_age_seconds capi_logins_total capi_breaker_open capi_machine_state`,
  ],
  ['does not count', { outbox: never }, `${OWN} capi_logins_total capi_breaker_open capi_machine_state`],
  ['says nothing', { outbox: never, machineState: never, isBreakerOpen: never }, `${OWN} capi_logins_total`],
  [
    'fails',
    { outbox: () => Promise.reject(new Error('down')) },
    `${OWN} capi_logins_total capi_breaker_open capi_machine_state`,
  ],
])('a storage that %s holds no scrape up for more than a second', async (_, over, expected) => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const scrape = scraped(registryOf({ ...ANSWERS, ...over }))
  await vi.advanceTimersByTimeAsync(1000)
  expect(await scrape).toBe(expected)
})

it('a storage that does not answer is asked once, and shown again when it does', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let answer: (value: typeof counts) => void = () => {}
  const outbox = vi.fn(() => new Promise<typeof counts>((resolve) => { answer = resolve })) // biome-ignore format: one line
  const registry = registryOf({ ...ANSWERS, outbox })
  for (let scrape = 0; scrape < 3; scrape++) {
    const scraping = scraped(registry)
    await vi.advanceTimersByTimeAsync(1000)
    expect(await scraping).not.toContain('outbox_signals')
  }
  expect(outbox).toHaveBeenCalledOnce()
  const last = scraped(registry)
  answer(counts)
  expect(await last).toContain('outbox_signals')
})
