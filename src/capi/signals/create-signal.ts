/** A signal about one address, with the defaults of `create_signal` of the Python SDK (0.7.0) and none of its gaps. */

import { sdkText, sdkTimestamp } from './sdk-timestamp.js'
import type { Signal, SignalDecision } from './signal.js'
import { type SignalDetails, wireDetails } from './signal-details.js'
import { validateSignal } from './signal-schema.js'
import { type SourceDetails, wireSource } from './signal-source.js'

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

/** Throws `ERR_CSB_SIGNAL` with everything that CAPI would not take. */
export function createSignal(options: CreateSignalOptions): Signal {
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
