/** What the tests of `crowdsec-bouncer capi` work with: a FakeCapi, and a directory with a configuration and an SQLite storage. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createCapiClient } from '../../src/capi-client.js'
import { openStorage } from '../../src/signals/storage/open-storage.js'
import type { Storage } from '../../src/signals/storage/storage.js'
import { FakeCapi, type FakeCapiOptions } from '../../src/testing/index.js'
import { type Run, type RunSetting, runWith } from './run.js'

export const SCENARIO = 'crowdsecurity/ssh-bf'

export class CapiDesk {
  readonly capi: FakeCapi
  readonly directory: string
  readonly config: string

  static async set(options: FakeCapiOptions = {}): Promise<CapiDesk> {
    const desk = new CapiDesk(await FakeCapi.start(options))
    onTestFinished(async () => {
      await desk.capi.stop()
      rmSync(desk.directory, { recursive: true })
    })
    return desk
  }

  private constructor(capi: FakeCapi) {
    this.capi = capi
    this.directory = mkdtempSync(join(tmpdir(), 'csb-capi-'))
    this.config = this.write(
      'bouncer.yaml',
      `capi_url: ${capi.url}/v3\ncapi_storage: sqlite:capi.db\ncapi_scenarios: [${SCENARIO}]\n`,
    )
  }

  get storage(): string {
    return `sqlite:${join(this.directory, 'capi.db')}`
  }

  /** The path. */
  write(file: string, text: string): string {
    const path = join(this.directory, file)
    writeFileSync(path, text)
    return path
  }

  run(...words: readonly string[]): Promise<Run> {
    return this.runWith({}, ...words)
  }

  runWith(setting: RunSetting, ...words: readonly string[]): Promise<Run> {
    return runWith(setting, 'capi', ...words, '-c', this.config)
  }

  /** Its only JSON document. */
  async json(...words: readonly string[]): Promise<unknown> {
    const { out } = await this.run(...words, '--json')
    return JSON.parse(out)
  }

  /** Its JSON documents, one a line. */
  async jsonLines(...words: readonly string[]): Promise<unknown[]> {
    const { out } = await this.run(...words, '--json')
    return out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  }

  /** Returns the id. */
  async register(...words: readonly string[]): Promise<string> {
    return (await this.run('register', ...words)).out.trim()
  }

  /** So many signals, each about an address of its own. */
  async add(count: number): Promise<void> {
    const lines = Array.from({ length: count }, (_, i) => ({ address: `192.0.2.${i}`, scenario: SCENARIO }))
    await this.runWith(
      { input: lines.map((line) => `${JSON.stringify(line)}\n`).join('') },
      'signals',
      'add',
      '--file',
      '-',
    )
  }

  /** What no command does. */
  async inStorage(change: (storage: Storage) => Promise<void>): Promise<void> {
    const storage = await openStorage(this.storage)
    await change(storage)
    await storage.close()
  }

  /** As a program of the user's would add a machine: without asking CAPI. */
  async addMachine(machineId: string, password: string): Promise<void> {
    await this.inStorage(async (storage) => {
      const client = await createCapiClient({ storage })
      await client.addMachine(machineId, password)
      await client.close()
    })
  }
}

/** A machine id. */
export function idOf(letter: string): string {
  return letter.repeat(48)
}
