/**
 * Invariant 2: whatever the LAPI answers and whatever breaks, one good resync makes what is enforced equal to what is in force
 * at the LAPI. And more: after every pull that succeeds, unless the LAPI itself kept something back.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BodyShape, FakeLapi, type Fault, type NewDecision } from '../../src/testing/index.js'
import { SteppedBouncer } from '../sources/stepped-lapi.js'

const RUNS = 120
const SUBJECTS = { Country: 'FR', username: 'bob' } as const
const SCOPES = ['ip', 'range', 'country', 'username'] as const
/** Some of these cover others of these, and some are the same address in other words, which are decisions of their own. */
const TARGETS = [
  ['Ip', '192.0.2.1'],
  ['Ip', '192.0.2.2'],
  ['Ip', '192.0.2.2/32'],
  ['Range', '192.0.2.2/32'],
  ['Range', '192.0.2.0/24'],
  ['Range', '192.0.2.77/24'],
  ['Ip', '2001:db8::1'],
  ['Ip', '2001:DB8:0::1'],
  ['Range', '2001:db8::/32'],
  ['Country', 'FR'],
  ['username', 'bob'],
] as const
const ADDRESSES = ['192.0.2.1', '192.0.2.2', '192.0.2.99', '2001:db8::1', '2001:db8::2', '198.51.100.1'] as const

// Whole minutes, and time that moves by whole minutes: the LAPI rounds to seconds, and a run takes less than one.
const MINUTE = 60_000
const minutes = fc.integer({ min: 1, max: 30 })
const target = fc.constantFrom(...TARGETS)
const type = fc.constantFrom('ban', 'captcha', 'custom')
const local = fc.constantFrom('cscli', 'crowdsec')
const index = fc.nat({ max: 1000 })

type Step =
  | { readonly do: 'add'; readonly decision: NewDecision }
  | {
      readonly do: 'refresh'
      readonly origin: 'CAPI' | 'lists'
      readonly entries: readonly (NewDecision & { readonly scope: string })[]
    }
  | { readonly do: 'delete' | 'purge'; readonly index: number }
  | { readonly do: 'delete all'; readonly value: string }
  | { readonly do: 'later'; readonly minutes: number }
  | { readonly do: 'restart' | 'wipe' | 'pull' }
  | { readonly do: 'pull while down' }
  | { readonly do: 'pull with a fault'; readonly fault: Fault }

const added = fc
  .record({ target, type, origin: local, minutes })
  .map(({ target: [scope, value], type, origin, minutes }) => ({
    scope,
    value,
    type,
    origin,
    duration: minutes * MINUTE,
  }))
const entries = fc
  .uniqueArray(fc.tuple(target, minutes), { minLength: 1, maxLength: 4, selector: ([[, value]]) => value })
  .map((list) => list.map(([[scope, value], minutes]) => ({ scope, value, duration: minutes * MINUTE })))
const offset = fc.nat({ max: 900 })
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), afterBytes: offset }),
  fc.record({ kind: fc.constant('truncated' as const), keep: fc.nat({ max: 5 }) }),
  fc.constantFrom<Fault>(
    { kind: 'down' },
    { kind: 'garbage', body: '{"new": [' },
    { kind: 'html' },
    { kind: 'html', status: 502 },
    { kind: 'status', status: 403 },
    { kind: 'status', status: 429 },
    { kind: 'status', status: 500 },
  ),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('add' as const), decision: added }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), index }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delete all' as const), value: target.map(([, value]) => value) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('refresh' as const), origin: fc.constantFrom('CAPI', 'lists'), entries }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('purge' as const), index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('later' as const), minutes }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('pull' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pull with a fault' as const), fault }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'wipe' as const, 'pull while down' as const) }),
  },
)

interface Setting {
  readonly bodyShape: BodyShape
  readonly filter: { readonly scenariosNotContaining?: readonly string[] }
}

class Run {
  readonly #lapi: FakeLapi
  readonly #stepped: SteppedBouncer
  readonly #goesById: boolean
  /** Whether the LAPI keeps something back that no delta will tell. */
  #isOwing = false
  #refreshed: number[] = []

  static async begin({ bodyShape, filter }: Setting): Promise<Run> {
    return new Run(await FakeLapi.start({ bodyShape }), filter)
  }

  private constructor(lapi: FakeLapi, filter: Setting['filter']) {
    this.#lapi = lapi
    this.#goesById = filter.scenariosNotContaining !== undefined
    this.#stepped = new SteppedBouncer(lapi, { filter: { scopes: SCOPES, ...filter } })
  }

  async take(step: Step): Promise<void> {
    const lapi = this.#lapi
    switch (step.do) {
      case 'add':
        lapi.add(step.decision)
        break
      case 'refresh': {
        const { origin, entries } = step
        // What the engine does with the community list and with blocklists: out with the old rows, in with new ones.
        for (const { scope, value } of entries) lapi.purge({ scope, value, origin })
        for (const entry of entries) {
          this.#refreshed.push(lapi.add({ ...entry, origin, scenario: `a list of ${origin}` }))
        }
        break
      }
      case 'delete':
        lapi.delete({ id: this.#pick(step.index) })
        break
      case 'delete all':
        lapi.delete({ value: step.value })
        break
      case 'purge':
        if (lapi.purge({ id: this.#pick(step.index) }) > 0) this.#isOwing = true
        break
      case 'later':
        lapi.advance(step.minutes * MINUTE)
        break
      case 'restart':
        await lapi.down()
        await lapi.up()
        break
      case 'wipe':
        lapi.wipe()
        this.#isOwing = true
        break
      case 'pull while down':
        await lapi.down()
        expect(await this.#stepped.pull()).toMatch(/: ERR_CSB_/)
        await lapi.up()
        break
      case 'pull with a fault':
        lapi.fault(step.fault, { times: 1 })
        // A truncated answer looks like a good one in every way.
        if (step.fault.kind === 'truncated') {
          await this.#stepped.pull()
          this.#isOwing = true
        } else await this.#pull()
        lapi.heal()
        break
      case 'pull':
        await this.#pull()
        break
    }
  }

  async #pull(): Promise<void> {
    const outcome = await this.#stepped.pull()
    if (!/: (replaced|changed)$/.test(outcome)) return
    if (outcome === 'startup: replaced') this.#isOwing = false
    else if (this.#goesById && this.#hasLostRefresh()) this.#isOwing = true
    this.#refreshed = []
    if (!this.#isOwing) this.#compare(outcome)
  }

  /** By id, a row that was replaced in silence can only be known by its successor, and one that ended at once never came. */
  #hasLostRefresh(): boolean {
    const ids = new Set(this.#lapi.active().map(({ id }) => id))
    return this.#refreshed.some((id) => !ids.has(id))
  }

  async end(): Promise<void> {
    // The source resyncs when the key worked again.
    this.#lapi.fault({ kind: 'status', status: 403 }, { times: 1 })
    await this.#stepped.pull()
    await this.#stepped.resync()
    this.#compare('the final resync')
    // From equality on, deltas keep it.
    this.#lapi.advance(7 * MINUTE)
    this.#lapi.add({ value: '192.0.2.1', duration: '1h' })
    expect(await this.#stepped.pull()).toBe('delta: changed')
    this.#compare('the final delta')
  }

  async close(): Promise<void> {
    await this.#stepped.bouncer.stop()
    await this.#lapi.stop()
  }

  #pick(index: number): number {
    const active = this.#lapi.active()
    return active[index % Math.max(active.length, 1)]?.id ?? 0
  }

  #compare(when: string): void {
    const { bouncer } = this.#stepped
    const inForce = this.#lapi.active().map(nameOf)
    const enforced = ADDRESSES.flatMap((address) => bouncer.explain(address, SUBJECTS)).map(nameOf)
    expect(unique(enforced), `enforced after ${when}`).toEqual(unique(inForce))
    for (const address of ADDRESSES) {
      const types = unique(bouncer.explain(address, SUBJECTS).map(({ type }) => type))
      const worst = ['ban', 'captcha', 'custom'].find((one) => types.includes(one)) ?? 'allow'
      expect(bouncer.check(address, SUBJECTS).action, `${address} after ${when}`).toBe(worst)
    }
    expect(bouncer.stats().decisions, `held after ${when}`).toBe(
      this.#goesById ? inForce.length : unique(inForce).length,
    )
  }
}

function nameOf({
  scope,
  value,
  type,
}: {
  readonly scope: string
  readonly value: string
  readonly type: string
}): string {
  return `${type} ${scope} ${value}`
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}

const settings: readonly (readonly [name: string, setting: Setting])[] = (['1.4.6', '1.7.8'] as const).flatMap(
  (bodyShape) => [
    [`LAPI ${bodyShape}, without duplicates`, { bodyShape, filter: {} }],
    // A filter that lets everything pass, so that both settings are compared with the same set.
    [`LAPI ${bodyShape}, with duplicates`, { bodyShape, filter: { scenariosNotContaining: ['no such scenario'] } }],
  ],
)

describe('convergence', () => {
  // The runs take 3 s where nothing else runs, and more than 20 s on a busy machine.
  it.each(settings)('%s', { timeout: 120_000 }, async (_name, setting) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const run = await Run.begin(setting)
        try {
          for (const one of steps) await run.take(one)
          await run.end()
        } finally {
          await run.close()
        }
      }),
      { numRuns: RUNS, endOnFailure: false },
    )
  })
})
