/** A client on a FakeCapi, both on one clock that only moves when somebody waits. */

import { onTestFinished } from 'vitest'
import {
  type CapiClient,
  type CapiClientOptions,
  createCapiClient,
  generateMachineId,
  MemoryStorage,
  type Signal,
  type Storage,
} from '../../src/capi-client.js'
import { FakeCapi, type FakeCapiOptions } from '../../src/testing/index.js'
import { signalsOf } from '../signals/scripted-capi.js'

export const SCENARIOS = ['crowdsecurity/http-bf', 'crowdsecurity/ssh-bf']

export const machineIdOf = (key: string) => generateMachineId(key)

export interface Connected {
  readonly capi: FakeCapi
  readonly client: CapiClient
  readonly storage: Storage
  /** Lines of the client's log. */
  readonly lines: string[]
  /** What the sender waited for, in milliseconds. */
  readonly waits: number[]
  /** Of all machines, `METHOD path status`, since the last call. */
  trail(): string[]
  /** Moves the clock, in milliseconds. */
  advance(milliseconds: number): void
  /** Signals that are stored and queued. */
  queue(key: string, count: number): Promise<Signal[]>
}

interface ConnectOptions {
  readonly capi?: FakeCapiOptions
  readonly client?: Partial<CapiClientOptions>
  readonly storage?: Storage
  /** From 0 to 1. Default 1. */
  readonly random?: () => number
}

export async function connect(options: ConnectOptions = {}): Promise<Connected> {
  let now = Date.parse('2026-03-04T05:06:07Z')
  const capi = await FakeCapi.start({ now: () => now, strict: true, ...options.capi })
  const storage = options.storage ?? new MemoryStorage({ clock: () => now })
  const lines: string[] = []
  const waits: number[] = []
  const log = (level: string) => (line: string) => void lines.push(`${level}: ${line}`)
  const client = await createCapiClient(
    {
      url: `${capi.url}/v3`,
      scenarios: SCENARIOS,
      storage,
      timeout: 2_000,
      logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      ...options.client,
    },
    {
      now: () => now,
      random: options.random ?? (() => 1),
      pause: async (milliseconds) => {
        waits.push(milliseconds)
        now += milliseconds
      },
    },
  )
  onTestFinished(async () => {
    await client.close()
    await capi.stop()
  })
  let seen = 0
  return {
    capi,
    client,
    storage,
    lines,
    waits,
    trail: () => {
      const fresh = capi.requests.slice(seen)
      seen = capi.requests.length
      return fresh.map(({ method, path, status }) => `${method} ${path.replace('/v3/', '')} ${status}`)
    },
    advance: (milliseconds) => {
      now += milliseconds
    },
    queue: async (key, count) => {
      const signals = signalsOf(machineIdOf(key), count)
      await client.addSignals(signals)
      return signals
    },
  }
}
