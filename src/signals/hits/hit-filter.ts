/** Decides which blocked requests are told to CAPI, under which scenario, and what of them. */

import { sourceOf, typeOf, type Verdict } from '../../decisions/decision.js'
import { quoted } from '../../quoted.js'
import { messageOf } from '../../thrown.js'
import type { Hit, HitContext } from './hit-entry.js'
import { type BlockedRequest, PlainContext, type RequestContext, type RequestContextName } from './request-context.js'

/**
 * Why a request is not told. `policy`: a failure policy blocked it, and nothing is known against the visitor. `origin`: the
 * decision is of another origin than is told. `scenario`: it is of none that CAPI knows us by. `redacted`: the user's function
 * says so.
 */
export type FilterReason = 'policy' | 'origin' | 'scenario' | 'redacted'

export interface HitFilterOptions {
  /** The scenarios that CAPI knows us by. */
  readonly scenarios: readonly string[]
  /** In place of a decision's scenario that is none of these; null: such requests are not told. */
  readonly fallbackScenario: string | null
  /** Empty: all but CAPI and lists. */
  readonly origins: readonly string[]
  /** What of a request is told. */
  readonly context: readonly RequestContextName[]
  /** Sees the context of each request; null leaves the request out. May throw. */
  readonly redact: ((context: RequestContext) => RequestContext | null) | null
  readonly warnOnce: (code: string, message: string) => void
}

/** A decision was carried out. */
export interface Blocking {
  readonly address: string
  readonly verdict: Verdict
  /** What was done. */
  readonly action: string
  /** Null where we do not see it. */
  readonly request: BlockedRequest | null
}

export class HitFilter {
  readonly #options: HitFilterOptions
  readonly #scenarios: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>

  constructor(options: HitFilterOptions) {
    this.#options = options
    this.#scenarios = new Set(options.scenarios)
    this.#origins = new Set(options.origins)
  }

  /** The hit to count. Throws what reading the request throws. */
  hitOf({ address, verdict, action, request }: Blocking): Hit | FilterReason {
    const source = sourceOf(verdict)
    if (source === null) return 'policy'
    const { origin } = source
    if (!this.#isToldOf(origin)) return 'origin'
    const scenario = this.#scenarioFor(source.scenario)
    if (scenario === null) return 'scenario'
    const context = request === null ? null : this.#contextOf(request)
    if (context === 'redacted') return context
    return {
      kind: 'blocked',
      address,
      scenario,
      action,
      origin,
      type: typeOf(verdict),
      message: '',
      context,
      at: undefined,
    }
  }

  /** What the community said must not come back to it as news. */
  #isToldOf(origin: string): boolean {
    return this.#origins.size === 0 ? origin !== 'CAPI' && origin !== 'lists' : this.#origins.has(origin)
  }

  #scenarioFor(scenario: string): string | null {
    if (this.#scenarios.has(scenario)) return scenario
    const { fallbackScenario, warnOnce } = this.#options
    if (fallbackScenario === null) {
      warnOnce(
        'CSB_REPORT_SCENARIO',
        `Requests are blocked by decisions of ${quoted(scenario, 100)}, which is not in capi_scenarios, so they are not told to CAPI; set report_scenario, or add the scenario`,
      )
    }
    return fallbackScenario
  }

  #contextOf(request: BlockedRequest): HitContext | null | 'redacted' {
    const { context: keys, redact } = this.#options
    if (redact === null) return new PlainContext(keys, request)
    try {
      const all: RequestContext = Object.fromEntries(keys.map((key) => [key, request.read(key)]))
      const told: unknown = redact(all)
      if (told === null) return 'redacted'
      if (typeof told !== 'object') throw new TypeError(`expected an object or null, got ${typeof told}`)
      const texts = Object.fromEntries(keys.map((key) => [key, textOrNothing(Reflect.get(told, key))]))
      return { keys, read: (key) => texts[key] }
    } catch (error) {
      const reason = messageOf(error)
      this.#options.warnOnce(
        'CSB_REDACT',
        `redact failed, so blocked requests are told without their context: ${reason}`,
      )
      return null
    }
  }
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
