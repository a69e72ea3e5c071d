/** What may be said of a signal beside who, what and when, in the names of our code; and the same as it travels. */

import { randomUUID } from 'node:crypto'
import type { ScenarioTrust, Signal, SignalContext } from './signal.js'

export interface SignalDetails {
  /** Default random. */
  readonly uuid?: string | undefined
  /** Default empty. */
  readonly message?: string | undefined
  /** Default empty. */
  readonly scenarioHash?: string | undefined
  /** Default empty. */
  readonly scenarioVersion?: string | undefined
  /** Default `manual`. */
  readonly scenarioTrust?: ScenarioTrust | undefined
  readonly kind?: string | undefined
  readonly alertId?: number | undefined
  /** Default empty. */
  readonly context?: readonly SignalContext[] | undefined
}

/** Their names, to tell them from what is none. */
export const DETAIL_NAMES = Object.keys({
  uuid: true,
  message: true,
  scenarioHash: true,
  scenarioVersion: true,
  scenarioTrust: true,
  kind: true,
  alertId: true,
  context: true,
} satisfies Record<keyof SignalDetails, true>)

export function wireDetails(details: SignalDetails) {
  return {
    uuid: details.uuid ?? randomUUID(),
    message: details.message ?? '',
    scenario_hash: details.scenarioHash ?? '',
    scenario_version: details.scenarioVersion ?? '',
    scenario_trust: details.scenarioTrust ?? 'manual',
    alert_id: details.alertId,
    kind: details.kind,
    context: details.context ?? [],
  } satisfies Partial<Signal>
}
