/** A signal about one address, with the defaults of `create_signal` of the Python SDK (0.7.0) and none of its gaps. */

import { requireKnownFields } from './known-fields.js'
import { sdkText, sdkTimestamp } from './sdk-timestamp.js'
import type { Signal, SignalDecision } from './signal.js'
import { DETAIL_NAMES, type SignalDetails, wireDetails } from './signal-details.js'
import { validateSignal } from './signal-schema.js'
import { SOURCE_NAMES, type SourceDetails, wireSource } from './signal-source.js'

export interface CreateSignalOptions extends SignalDetails {
  readonly attackerIp: string
  /** `author/name`. */
  readonly scenario: string
  /** Text is read as by `readSdkTime`: without an offset it is this machine's local time. Written in UTC and whole seconds. */
  readonly createdAt: string | Date
  readonly machineId: string
  /** Default `createdAt`. Text goes out as it is, and must name its offset. */
  readonly startAt?: string | Date | undefined
  /** Default `createdAt`. Text goes out as it is, and must name its offset. */
  readonly stopAt?: string | Date | undefined
  /** Default empty. */
  readonly decisions?: readonly SignalDecision[] | undefined
  /** What else is known of the address. The SDK has no room for it. */
  readonly source?: SourceDetails | undefined
}

const OWN_NAMES = Object.keys({
  attackerIp: true,
  scenario: true,
  createdAt: true,
  machineId: true,
  startAt: true,
  stopAt: true,
  decisions: true,
  source: true,
} satisfies Record<Exclude<keyof CreateSignalOptions, keyof SignalDetails>, true>)

/** Throws `ERR_CSB_SIGNAL` with every unknown field, else with everything that CAPI would not take. */
export function createSignal(options: CreateSignalOptions): Signal {
  requireKnownFields(options, [...OWN_NAMES, ...DETAIL_NAMES])
  requireKnownFields(options.source, SOURCE_NAMES, 'source.')
  const { attackerIp, startAt, stopAt, decisions = [] } = options
  const createdAt = sdkTimestamp(options.createdAt)
  return validateSignal({
    ...wireDetails(options),
    machine_id: options.machineId,
    scenario: options.scenario,
    source: wireSource({ ...options.source, scope: 'ip', value: attackerIp }),
    created_at: createdAt,
    start_at: startAt instanceof Date ? sdkText(startAt, 'start_at') : (startAt ?? createdAt),
    stop_at: stopAt instanceof Date ? sdkText(stopAt, 'stop_at') : (stopAt ?? createdAt),
    decisions,
  })
}
