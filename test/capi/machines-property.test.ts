/**
 * Whatever CAPI answers and whenever: never a request during a pause, never more logins than the budget, never other credentials
 * than the first, never a call that asks on and on; and when CAPI is well again, so are the machines.
 */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CapiError } from '../../src/capi/capi-error.js'
import type { MachineStorage } from '../../src/capi/machines/machine-storage.js'
import { Machines } from '../../src/capi/machines/machines.js'
import { MemoryStorage } from '../../src/signals/storage/memory-storage.js'
import { type Fault, type SeenRequest, SimulatedCapi } from './simulated-capi.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const WINDOW = 50 * MINUTE
const never = new AbortController().signal

const ids = ['a', 'b', 'c']

type Step =
  | { readonly do: 'ask'; readonly ids: readonly string[] }
  | { readonly do: 'pass'; readonly milliseconds: number }
  | { readonly do: 'fault'; readonly faults: readonly (Fault | 'none')[] }
  | { readonly do: 'revoke'; readonly id: string }
  | { readonly do: 'restart' }
  | { readonly do: 'set clock'; readonly milliseconds: number }

const id = fc.constantFrom(...ids)
const fault = fc.oneof(
  { weight: 4, arbitrary: fc.constant<'none'>('none') },
  { weight: 6, arbitrary: fc.constantFrom<Fault>(400, 401, 401, 404, 429, 500, 500, 503, 'html', 'lost', 'late') },
  { weight: 1, arbitrary: fc.constant<Fault>(403) },
  {
    weight: 1,
    arbitrary: fc.record({ status: fc.constantFrom(429, 503), retryAfter: fc.integer({ min: 0, max: 2 * HOUR }) }),
  },
)
const common = [
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant<'ask'>('ask'), ids: fc.array(id, { minLength: 1, maxLength: 5 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant<'pass'>('pass'),
      milliseconds: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 2 * HOUR })),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant<'fault'>('fault'), faults: fc.array(fault, { maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant<'revoke'>('revoke'), id }) },
]
// The budget of a process that ends is kept by the wall clock alone, so that the two are not mixed.
const restarts = { weight: 1, arbitrary: fc.record({ do: fc.constant<'restart'>('restart') }) }
const jumps = {
  weight: 2,
  arbitrary: fc.record({
    do: fc.constant<'set clock'>('set clock'),
    milliseconds: fc.oneof(fc.constantFrom(-24 * HOUR, 24 * HOUR), fc.integer({ min: -2 * HOUR, max: 2 * HOUR })),
  }),
}

class Run {
  time = 0
  #offset = Date.UTC(2026, 10, 22)
  readonly capi = new SimulatedCapi(() => this.time)
  readonly #storage: MachineStorage = new MemoryStorage().machines
  readonly #passwords = new Map<string, string>()
  readonly #budget: number
  readonly #random: () => number
  #machines: Machines
  readonly #broken: string[] = []

  constructor(budget: number, random: () => number) {
    this.#budget = budget
    this.#random = random
    this.#machines = this.#start()
    this.capi.onRequest = (request) => this.#judge(request)
  }

  #start(): Machines {
    return new Machines({
      api: this.capi,
      storage: this.#storage,
      scenarios: ['a/b'],
      deadline: 1000,
      loginBudget: this.#budget,
      now: () => this.#now(),
      clock: () => this.time,
      random: this.#random,
    })
  }

  #now(): number {
    return this.time + this.#offset
  }

  #isAhead({ until, pause }: { readonly until: number; readonly pause: number }): boolean {
    return until > this.#now() && until - this.#now() <= pause
  }

  /** At each request that goes out: may it? */
  async #judge(request: SeenRequest): Promise<void> {
    const record = await this.#storage.get(request.machineId)
    if (record === null) this.#broken.push(`${request.kind} for a machine that is not stored`)
    else {
      const first = this.#passwords.get(request.machineId) ?? record.password
      this.#passwords.set(request.machineId, first)
      if (record.password !== first) this.#broken.push('credentials were overwritten')
      const { standing } = record
      if (standing.state !== 'active') {
        const { until, pause } = standing
        const isOn = until === null || pause === null || this.#isAhead({ until, pause })
        if (isOn) this.#broken.push(`${request.kind} while ${standing.state}`)
      }
    }
    const breaker = await this.#storage.breaker()
    // A probe holds the others back for a minute; a refusal does for an hour.
    if (breaker !== null && breaker.pause === HOUR && this.#isAhead(breaker)) {
      this.#broken.push(`${request.kind} while all pause`)
    }
    const logins = this.capi.seen.filter(({ kind, at }) => kind === 'login' && at > this.time - WINDOW)
    if (logins.length > this.#budget) this.#broken.push(`${logins.length} logins within 50 minutes`)
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'pass') this.time += step.milliseconds
    else if (step.do === 'set clock') this.#offset += step.milliseconds
    else if (step.do === 'revoke') this.capi.revoke(step.id)
    else if (step.do === 'restart') this.#machines = this.#start()
    else if (step.do === 'fault') this.capi.faults.splice(0, 99, ...step.faults)
    else if (step.ids.length === 1 || step.ids[0] === 'a') for (const one of step.ids) await this.#ask(one)
    else await this.#together(step.ids)
    expect(this.#broken).toEqual([])
  }

  /** Requests that were under way when one of them was refused cannot be called back: only what begins later is judged. */
  async #together(machineIds: readonly string[]): Promise<void> {
    const judge = this.capi.onRequest
    const before = this.capi.seen.length
    this.capi.onRequest = () => {}
    await Promise.all(machineIds.map((one) => this.#call(one)))
    this.capi.onRequest = judge
    const most = machineIds.length * 2 + new Set(machineIds).size * 3
    expect(this.capi.seen.length - before).toBeLessThanOrEqual(most)
    const logins = this.capi.seen.filter(({ kind, at }) => kind === 'login' && at > this.time - WINDOW)
    expect(logins.length).toBeLessThanOrEqual(this.#budget)
  }

  async #ask(machineId: string): Promise<void> {
    const before = this.capi.seen.length
    const error = await this.#call(machineId)
    const requests = this.capi.seen.slice(before)
    expect(requests.length).toBeLessThanOrEqual(5) // register, login, ask, login, ask
    expect(requests.filter(({ kind }) => kind === 'login').length).toBeLessThanOrEqual(2)
    if (requests.length > 0) return
    // No request: then it is said until when, or that somebody has to look at it.
    if (!(error instanceof CapiError)) throw new Error(`neither a request nor a reason: ${error}`)
    expect(['ERR_CSB_CAPI_BLOCKED', 'ERR_CSB_CAPI_BUDGET']).toContain(error.code)
    const standing = await this.#machines.standing(machineId)
    const isForGood = standing?.state === 'blocked' && standing.until === null
    if (!isForGood) {
      expect(error.retryAfter).toBeGreaterThan(0)
      expect(error.retryAfter).toBeLessThanOrEqual(4 * HOUR)
    }
  }

  #call(machineId: string): Promise<unknown> {
    return this.#machines
      .withToken(machineId, never, (token) => this.capi.ask(machineId, token))
      .then(
        () => null,
        (error: unknown) => error,
      )
  }

  /** CAPI is well. Each machine that needs nobody's help must get through by waiting as it is told to. */
  async recover(): Promise<void> {
    this.capi.faults.length = 0
    for (const machineId of ids) {
      for (let tries = 0; ; tries++) {
        const error = await this.#call(machineId)
        if (error === null) break
        const standing = await this.#machines.standing(machineId)
        if (standing?.state === 'blocked' && standing.until === null) {
          await this.#machines.unblock(machineId)
          continue
        }
        expect(tries, String(error)).toBeLessThan(8)
        this.time += error instanceof CapiError && error.retryAfter !== undefined ? Math.ceil(error.retryAfter) : 0
      }
      expect(await this.#machines.standing(machineId)).toEqual({ state: 'active' })
    }
    expect(this.#broken).toEqual([])
    for (const passwords of this.capi.passwords.values()) expect(passwords.size).toBe(1)
  }
}

it.each([
  ['restarts', restarts],
  ['clocks that jump', jumps],
])('holds over all answers, with %s', async (_name, special) => {
  let requests = 0
  const steps = fc.array(fc.oneof(...common, special), { minLength: 5, maxLength: 60 })
  const randomness = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }))
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(3, 6, 18), randomness, async (todo: Step[], budget, random) => {
      const run = new Run(budget, () => random.next().value ?? 0)
      for (const step of todo) await run.step(step)
      await run.recover()
      requests += run.capi.seen.length
    }),
    { numRuns: 400 },
  )
  expect(requests).toBeGreaterThan(4000)
})
