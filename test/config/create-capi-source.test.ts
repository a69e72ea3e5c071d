/** What the options of CAPI make of its source: what is asked, how often, and which links are followed. */

import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { CapiApi } from '../../src/capi/api/capi-api.js'
import type { CapiDecisions } from '../../src/capi/decisions/capi-decisions.js'
import { createCapiSource } from '../../src/config/create/create-capi-source.js'
import { parseOptions } from '../../src/config/parse-options.js'
import type { BouncerOptions } from '../../src/index.js'
import type { DecisionSink } from '../../src/sources/source.js'
import { ListServer } from '../capi/list-server.js'

type Asked = Parameters<CapiApi['decisions']>[1]

const NOTHING: CapiDecisions = { new: [], deleted: [], hasLinks: false, blocklists: [], allowlists: [], skipped: 0 }

/** Starts the source of these options on a CAPI that answers this. */
function startSource(options: Partial<BouncerOptions>, answer: CapiDecisions = NOTHING) {
  const asked: Asked[] = []
  const errors: Error[] = []
  const api: Pick<CapiApi, 'decisions' | 'target'> = {
    target: '',
    decisions: async (_token, request) => {
      asked.push(request)
      return answer
    },
  }
  const source = createCapiSource(parseOptions({ capiPull: true, ...options }), {
    api,
    machines: { withToken: (_machineId, _signal, request) => request('token') },
    machineId: '',
    allowlists: { held: 0, replace: async () => {}, keep: async () => {} },
  })
  onTestFinished(() => source.stop())
  const values: string[] = []
  const pulled = new Promise<void>((resolve) => {
    const sink: Pick<DecisionSink, 'held' | 'apply' | 'failed'> = {
      held: 0,
      async apply(change) {
        for await (const { new: fresh = [] } of Symbol.asyncIterator in change ? change : [change])
          for (const { value } of fresh) values.push(value)
        setImmediate(resolve)
        return { held: 0, added: 0, removed: 0, skipped: 0 }
      },
      failed: (error) => void errors.push(error),
    }
    source.start(sink as DecisionSink)
  })
  return { asked, errors, values, pulled }
}

describe('a link', () => {
  it.each<[string, boolean, string]>([
    ['https://api.example/v3', false, 'the link is http: and not https'],
    ['http://api.example/v3', false, '127.0.0.1 is an address of a private network'],
    ['https://api.example/v3', true, ''],
  ])('of CAPI at %s, where private links may be followed: %s', async (capiUrl, capiAllowPrivateLinks, problem) => {
    const server = await ListServer.start()
    server.on('/one', '192.0.2.1\n')
    const terms = { name: 'one', scope: 'ip', remediation: 'ban', duration: '4h' }
    const answer = { ...NOTHING, blocklists: [{ ...terms, url: server.url('/one') }] }
    const { errors, values, pulled } = startSource({ capiUrl, capiAllowPrivateLinks }, answer)
    await pulled
    expect(errors.map(({ message }) => message)).toEqual(problem === '' ? [] : [expect.stringContaining(problem)])
    expect(values).toEqual(problem === '' ? ['192.0.2.1'] : [])
  })
})

it.each([
  [{}, { communityPull: true, additionalPull: true }],
  [{ capiCommunityPull: false }, { communityPull: false, additionalPull: true }],
  [{ capiAdditionalPull: false }, { communityPull: true, additionalPull: false }],
])('%j asks for %j', async (options, expected) => {
  const { asked, pulled } = startSource(options)
  await pulled
  expect(asked).toMatchObject([expected])
})

it('capiPullInterval is how often it asks', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { asked, pulled } = startSource({ capiPullInterval: '10h' })
  await pulled
  await vi.advanceTimersByTimeAsync(9 * 3_600_000)
  expect(asked).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(2 * 3_600_000)
  expect(asked).toHaveLength(2)
})
