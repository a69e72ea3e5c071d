/** A bouncer on a FakeLapi whose pulls happen when the test says so: between them its source waits for the test, not for time. */

import { onTestFinished } from 'vitest'
import type { PauseFor } from '../../src/http/pause.js'
import { type Bouncer, createBouncer } from '../../src/index.js'
import { LapiClient, type StreamFilter } from '../../src/lapi/lapi-client.js'
import type { Logger } from '../../src/logger.js'
import { LapiStreamSource, type LapiStreamSourceOptions } from '../../src/sources/lapi-stream-source.js'
import { FakeLapi, type FakeLapiOptions } from '../../src/testing/index.js'
import { USER_AGENT } from '../../src/version.js'

export interface SteppedOptions extends Partial<Omit<LapiStreamSourceOptions, 'filter' | 'client' | 'pause'>> {
  readonly filter?: Partial<StreamFilter>
  readonly apiKey?: string
}

export class SteppedBouncer {
  readonly bouncer: Bouncer
  readonly errors: Error[] = []
  /** What was logged at any level. */
  readonly lines: string[] = []
  readonly #lapi: FakeLapi
  readonly #pause = new SteppedPause()
  #outcome = ''
  #isStarted = false

  constructor(lapi: FakeLapi, { filter, apiKey, ...options }: SteppedOptions = {}) {
    this.#lapi = lapi
    const logger = memoryLogger(this.lines)
    const source = new LapiStreamSource({
      name: 'lapi',
      client: new LapiClient({ apiUrl: lapi.url, apiKey: apiKey ?? lapi.apiKey, userAgent: USER_AGENT }),
      filter: {
        scopes: ['ip', 'range'],
        origins: [],
        scenariosContaining: [],
        scenariosNotContaining: [],
        ...filter,
      },
      updateFrequency: 10_000,
      resyncInterval: 4 * 60 * 60 * 1000,
      fullPullTimeout: 5000,
      deltaPullTimeout: 5000,
      logger,
      pause: this.#pause.wait,
      ...options,
    })
    this.bouncer = createBouncer({ sources: [source], logger })
    this.bouncer.on('synced', ({ kind }) => {
      this.#outcome = kind
    })
    this.bouncer.on('error', (error) => {
      this.errors.push(error)
      this.#outcome = 'code' in error ? String(error.code) : error.name
    })
  }

  /** How long the source wanted to wait after each pull, in milliseconds. */
  get waits(): readonly number[] {
    return this.#pause.waits
  }

  /**
   * Lets one pull happen. Tells what was asked for and what came of it, such as `startup: replaced`, `delta: changed` or
   * `delta: ERR_CSB_TIMEOUT`; `no request` where none arrived, and `set aside` for an answer that did not count.
   */
  async pull(): Promise<string> {
    const before = this.#lapi.requests.length
    this.#outcome = 'set aside'
    if (this.#isStarted) await this.#pause.step()
    else {
      this.#isStarted = true
      void this.bouncer.start()
      await this.#pause.reached
    }
    const asked = this.#lapi.requests.slice(before).map(({ query }) => {
      return query.get('startup') === 'true' ? 'startup' : 'delta'
    })
    return `${asked.join(' ') || 'no request'}: ${this.#outcome}`
  }

  /** Lets pulls happen until one replaces everything. */
  async resync(): Promise<void> {
    for (let left = 10; left > 0; left--) if ((await this.pull()).endsWith(': replaced')) return
    throw new Error('ten pulls did not end in a full sync')
  }

  /** The verdicts on these addresses, in one text. */
  actions(...addresses: readonly string[]): string {
    return addresses.map((address) => this.bouncer.check(address).action).join(' ')
  }
}

/** A FakeLapi and a stepped bouncer on it, both stopped with the test. */
export async function steppedLapi(
  lapiOptions: FakeLapiOptions = {},
  options: SteppedOptions = {},
): Promise<{ readonly lapi: FakeLapi; readonly stepped: SteppedBouncer }> {
  const lapi = await FakeLapi.start(lapiOptions)
  const stepped = new SteppedBouncer(lapi, options)
  onTestFinished(async () => {
    await stepped.bouncer.stop()
    await lapi.stop()
  })
  return { lapi, stepped }
}

export function memoryLogger(lines: string[]): Logger {
  const write = (line: string) => void lines.push(line)
  return { debug: write, info: write, warn: write, error: write }
}

export class SteppedPause {
  readonly waits: number[] = []
  /** Resolves when the source waits. */
  reached: Promise<void>
  #reach: () => void = () => {}
  #goOn: () => void = () => {}

  constructor() {
    this.reached = this.#nextReach()
  }

  readonly wait: PauseFor = (milliseconds, signal) => {
    this.waits.push(milliseconds)
    this.#reach()
    return new Promise((resolve) => {
      const goOn = () => {
        signal.removeEventListener('abort', goOn)
        resolve()
      }
      this.#goOn = goOn
      if (signal.aborted) goOn()
      else signal.addEventListener('abort', goOn)
    })
  }

  /** Lets the source go on, and resolves when it waits again. */
  async step(): Promise<void> {
    await this.reached
    this.reached = this.#nextReach()
    this.#goOn()
    await this.reached
  }

  #nextReach(): Promise<void> {
    return new Promise((resolve) => {
      this.#reach = resolve
    })
  }
}
