/** The options of the client's calls: what one does not take is refused, and nothing is done. */

import { describe, expect, it } from 'vitest'
import type { CapiClient } from '../../src/capi-client.js'
import { connect, machineIdOf } from './connected-client.js'

const ONE = machineIdOf('one')
const KEY = 'secretkey1'
const LINK = { name: 'list', url: 'http://127.0.0.1:1/list', remediation: 'ban', scope: 'ip', duration: '24h' }

type Call = (client: CapiClient, options: never) => Promise<unknown>

/** Each call that takes options, with what must stand beside those of the case. */
const calls = {
  sendSignals: (client, options) => client.sendSignals(options),
  getDecisions: (client, options) => client.getDecisions(ONE, options),
  downloadBlocklist: (client, options) => client.downloadBlocklist(LINK, options),
  enrollMachines: (client, options) => client.enrollMachines([ONE], besideGood(options)),
  pushMetrics: (client, options) => client.pushMetrics(ONE, undefined, options),
  login: (client, options) => client.login(ONE, options),
  pruneFailingMachines: (client, options) => client.pruneFailingMachines(options),
  signalCounts: (client, options) => client.signalCounts(options),
  listSignals: (client, options) => client.listSignals(options),
  pruneSignals: (client, options) => client.pruneSignals(options),
  requeueSignals: (client, options) => client.requeueSignals(options),
} satisfies Record<string, Call>

type Name = keyof typeof calls

const names = Object.keys(calls) as Name[]

/** Options of `enrollMachines`, of which some must be there. */
function besideGood(options: unknown): never {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return options as never
  return { name: 'web', attachmentKey: KEY, ...options } as never
}

const { signal } = new AbortController()

describe('refused is', () => {
  it.each<[Name, unknown, string]>([
    ['sendSignals', { batch_size: 5 }, 'batch_size: unknown option; did you mean batchSize?'],
    ['sendSignals', { prune_after_send: true }, 'prune_after_send: unknown option; did you mean prune?'],
    ['getDecisions', { prune_after_send: true }, 'prune_after_send: unknown option'],
    ['sendSignals', { machineId: ONE }, 'machineId: unknown option'],
    ['sendSignals', { batchSize: 0 }, 'batchSize: expected a whole number from 1, got 0'],
    ['sendSignals', { batchSize: -1 }, 'batchSize: expected a whole number from 1, got -1'],
    ['sendSignals', { batchSize: 1.5 }, 'batchSize: expected a whole number from 1, got 1.5'],
    ['sendSignals', { batchSize: Number.NaN }, 'batchSize: expected a whole number from 1, got NaN'],
    ['sendSignals', { batchSize: '5' }, 'batchSize: expected a whole number from 1, got "5"'],
    ['sendSignals', { prune: 'no' }, 'prune: expected true or false, got "no"'],
    ['sendSignals', { onProgress: 1 }, 'onProgress: expected a function of `{ machineId, sent, quarantined }`, got 1'],
    ['sendSignals', { signal: new AbortController() }, 'signal: expected an AbortSignal, got an object'],
    [
      'sendSignals',
      { Prune: true, batchSize: 0 },
      '2 problems: (1) batchSize: expected a whole number from 1, got 0; (2) Prune: unknown option; did you mean prune?',
    ],
    ['getDecisions', { community_pull: false }, 'community_pull: unknown option; did you mean communityPull?'],
    ['getDecisions', { additionalPull: 0 }, 'additionalPull: expected true or false, got 0'],
    ['downloadBlocklist', { ifModified: new Date() }, 'ifModified: unknown option'],
    [
      'downloadBlocklist',
      { ifModifiedSince: new Date('yesterday') },
      'ifModifiedSince: expected a Date that is valid, got an object',
    ],
    ['downloadBlocklist', { ifModifiedSince: 5 }, 'ifModifiedSince: expected a Date that is valid, got 5'],
    ['enrollMachines', { attachment_key: KEY }, 'attachment_key: unknown option; did you mean attachmentKey?'],
    [
      'enrollMachines',
      { attachmentKey: 'secret key' },
      'attachmentKey: expected letters and digits, got a text that is not shown',
    ],
    ['enrollMachines', { tags: ['a', ''] }, 'tags[1]: expected a list of texts, got an empty text'],
    ['enrollMachines', { tags: 'a' }, 'tags: expected a list of texts, got "a"'],
    ['enrollMachines', { name: 5 }, 'name: expected a text, got 5'],
    ['enrollMachines', { overwrite: 'yes' }, 'overwrite: expected true or false, got "yes"'],
    ['pruneFailingMachines', { dry_run: true }, 'dry_run: unknown option; did you mean dryRun?'],
    ['pruneFailingMachines', { dryRun: 1 }, 'dryRun: expected true or false, got 1'],
    ['signalCounts', { state: 'queued' }, 'state: unknown option'],
    ['listSignals', { state: 'waiting' }, 'state: expected `queued`, `sent` or `quarantined`, got "waiting"'],
    ['listSignals', { limit: -1 }, 'limit: expected a whole number from 0, got -1'],
    ['listSignals', { offset: 0.5 }, 'offset: expected a whole number from 0, got 0.5'],
    ['listSignals', { lmit: 5 }, 'lmit: unknown option; did you mean limit?'],
    ['pruneSignals', { machine_id: ONE }, 'machine_id: unknown option; did you mean machineId?'],
    ['pruneSignals', { machineId: '' }, 'machineId: expected a text, got an empty text'],
    ['pruneSignals', { olderThan: '7d' }, 'olderThan: expected a whole number from 0, got "7d"'],
    ['pruneSignals', { olderThan: -1 }, 'olderThan: expected a whole number from 0, got -1'],
    ['requeueSignals', { machine: ONE }, 'machine: unknown option; did you mean machineId?'],
    ['requeueSignals', { state: 'quarantined' }, 'state: unknown option'],
  ])('%s with %j', async (name, options, message) => {
    const { client, capi, queue } = await connect()
    await queue('one', 1)
    const error = await calls[name](client, options as never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CSB_CONFIG', message })
    expect(String(error)).not.toContain('secret')
    expect([capi.requests, await client.signalCounts()]).toMatchObject([[], { queued: 1 }])
  })

  it.each(names)('what could hold no options of %s', async (name) => {
    const { client, capi } = await connect()
    for (const [options, came] of [
      [null, 'null'],
      [5, 'a number'],
      [[], 'an empty list'],
    ]) {
      const message = `expected an object with options, got ${came}`
      await expect(calls[name](client, options as never)).rejects.toMatchObject({ code: 'ERR_CSB_CONFIG', message })
    }
    expect(capi.requests).toEqual([])
  })

  it.each(names)('an option that nothing has, by %s', async (name) => {
    const { client, capi } = await connect()
    const asked = calls[name](client, { frequency: 1 } as never)
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CSB_CONFIG', message: 'frequency: unknown option' })
    expect(capi.requests).toEqual([])
  })

  it('no filter at all, where it says what is deleted', async () => {
    const { client, queue } = await connect()
    await queue('one', 1)
    const message = 'expected an object with options, got nothing'
    await expect(client.pruneSignals(undefined as never)).rejects.toMatchObject({ code: 'ERR_CSB_CONFIG', message })
    expect(await client.signalCounts()).toMatchObject({ queued: 1 })
  })
})

describe('taken is', () => {
  it.each<[Name, object]>([
    ['sendSignals', { prune: false, batchSize: 1, signal, onProgress: () => {} }],
    ['sendSignals', { prune: undefined, batchSize: undefined, signal: undefined, onProgress: undefined }],
    ['getDecisions', { communityPull: false, additionalPull: undefined, signal }],
    ['enrollMachines', { tags: [], overwrite: true, signal }],
    ['enrollMachines', { tags: undefined, overwrite: undefined, signal: undefined }],
    ['pushMetrics', { signal }],
    ['login', { signal: undefined }],
    ['pruneFailingMachines', { dryRun: undefined }],
    ['signalCounts', { machineId: undefined, olderThan: 0 }],
    ['pruneSignals', { state: undefined, machineId: undefined, olderThan: undefined }],
    ['requeueSignals', { machineId: undefined }],
  ])('%s with %j', async (name, options) => {
    const { client, queue } = await connect()
    await queue('one', 2)
    await calls[name](client, options as never)
  })

  it('of listSignals what is undefined as its default', async () => {
    const { client, queue } = await connect()
    await queue('one', 101)
    const options = {
      limit: undefined,
      offset: undefined,
      state: undefined,
      machineId: undefined,
      olderThan: undefined,
    }
    expect(await client.listSignals(options as never)).toHaveLength(100)
    expect(await client.listSignals({ limit: 0 })).toEqual([])
    expect(await client.listSignals({ limit: 5, offset: 99, state: 'queued' })).toHaveLength(2)
  })

  it('a signal of another class than our own', async () => {
    const { client } = await connect()
    const own = { aborted: false, addEventListener() {}, removeEventListener() {} }
    await client.login(ONE, { signal: own as never })
  })
})
