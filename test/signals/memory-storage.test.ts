import { expect, it } from 'vitest'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import { describeStorage } from './storage-behaviour.js'
import { compareWithOracle } from './storage-oracle.js'

describeStorage('memory', async (options) => new MemoryStorage(options))

it('leads the same life as the slow outbox', async () => {
  await compareWithOracle(async (options) => new MemoryStorage(options), 1000)
})

it('says what it is', async () => {
  const storage = new MemoryStorage()
  expect(storage.target).toBe('memory')
  await storage.close()
})
