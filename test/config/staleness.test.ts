/** A sync that is late for `maxStaleness` though all goes well is refused as a mistake. */

import { expect, test } from 'vitest'
import { parseOptions } from '../../src/config/parse-options.js'
import type { BouncerOptions } from '../../src/index.js'

const lapis = [{ name: 'paris', apiUrl: 'http://127.0.0.1:1', apiKey: 'k' }]

test.each<[BouncerOptions, string]>([
  [
    { capiPull: true, maxStaleness: '1h' },
    'maxStaleness: expected more than 7500s, which is capiPullInterval and what it may be longer by, got 3600s',
  ],
  [{ capiPull: true, maxStaleness: '125m' }, 'got 7500s'],
  [{ capiPull: true, capiPullInterval: '10m', maxStaleness: '11m' }, 'expected more than 660s'],
  [
    { apiKey: 'k', maxStaleness: '10s' },
    'maxStaleness: expected more than 10s, which is streamUpdateFrequency, got 10s',
  ],
  [{ apiKey: 'k', mode: 'hybrid', streamUpdateFrequency: '1h', maxStaleness: '30m' }, 'expected more than 3600s'],
  [{ lapis, maxStaleness: '5s' }, 'expected more than 10s'],
  [{ apiKey: 'k', capiPull: true, maxStaleness: '5s' }, '2 problems: (1) maxStaleness: expected more than 10s'],
])('%j is refused', (options, message) => {
  expect(() => parseOptions(options)).toThrow(
    expect.objectContaining({ code: 'ERR_CSB_CONFIG', message: expect.stringContaining(message) }),
  )
})

test.each<[BouncerOptions]>([
  [{ capiPull: true }],
  [{ capiPull: true, maxStaleness: '3h' }],
  [{ capiPull: true, capiPullInterval: '10m', maxStaleness: '12m' }],
  [{ apiKey: 'k', maxStaleness: '11s' }],
  [{ apiKey: 'k', mode: 'live', maxStaleness: '5s' }],
  [{ decisionsFile: '/list', maxStaleness: '1s' }],
])('%j is taken', (options) => {
  expect(() => parseOptions(options)).not.toThrow()
})
