/** What `signals add` says where the storage does not take all: a storage of the test's own, behind a real client. */

import { expect, onTestFinished, test } from 'vitest'
import { createCapiClient } from '../../src/capi-client.js'
import type { CapiSession } from '../../src/cli/capi/capi-session.js'
import { Output } from '../../src/cli/capi/output.js'
import { addSignals } from '../../src/cli/capi/signals-add.js'
import { loadCapiConfiguration } from '../../src/config/load-capi-configuration.js'
import { BouncerError } from '../../src/errors.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import type { Storage } from '../../src/signals/storage/storage.js'

/** Adds so many signals from standard input; `err` is what was said until then, also where it fails. */
async function adding(storage: Storage, count: number) {
  const said = { out: '', err: '' }
  const warn = (line: string) => {
    said.err += `warning: ${line}\n`
  }
  const client = await createCapiClient({ storage, logger: { debug() {}, info() {}, warn, error: warn } })
  onTestFinished(() => client.close())
  await client.addMachine('m'.repeat(48))
  const context = {
    print: (text: string) => {
      said.out += text
    },
    printError: (text: string) => {
      said.err += text
    },
    input: (async function* () {
      for (let n = 0; n < count; n++) yield `{"address":"192.0.2.1","scenario":"a/b"}\n`
    })(),
    isWatched: false,
    untilInterrupted: () => new AbortController().signal,
  }
  const configuration = await loadCapiConfiguration({ env: {} }, {})
  const session: CapiSession = { client, configuration, context, output: new Output(context, 'json') }
  return { said, done: addSignals({ file: '-' })(session) }
}

test('tells how many an outbox that is full has dropped', async () => {
  const { said, done } = await adding(new MemoryStorage({ limits: { maxSignals: 2 } }), 2005)
  expect(await done).toBe(0)
  expect(JSON.parse(said.out)).toEqual({ added: 2005, known: 0, dropped: 2003 })
  expect(said.err).toBe('warning: 998 signals were dropped to keep the outbox within its limits\n')
})

test('tells how many were stored before it failed', async () => {
  const storage = new MemoryStorage()
  const { signals } = storage
  const add = signals.add.bind(signals)
  let batches = 0
  signals.add = async (some) => {
    if (++batches === 2) throw new BouncerError('ERR_CSB_STORAGE', 'the disk is full')
    return add(some)
  }
  const { said, done } = await adding(storage, 1500)
  await expect(done).rejects.toMatchObject({ code: 'ERR_CSB_STORAGE' })
  expect(said).toEqual({ out: '', err: 'the first 1000 of 1500 signals were added, the others were not\n' })
  expect(await signals.counts()).toMatchObject({ queued: 1000 })
})
