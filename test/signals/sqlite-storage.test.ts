import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, onTestFinished } from 'vitest'
import { openStorage, type StorageOptions } from '../../src/signals/storage/open-storage.js'
import { describeStorage } from './storage-behaviour.js'
import { compareWithOracle } from './storage-oracle.js'

async function openEmpty(options: StorageOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'storage-'))
  const storage = await openStorage(join(folder, 'storage.db'), options)
  onTestFinished(async () => {
    await storage.close()
    rmSync(folder, { recursive: true })
  })
  return storage
}

describeStorage('SQLite', openEmpty)

it('leads the same life as the slow outbox', async () => {
  await compareWithOracle(openEmpty, 150)
})
