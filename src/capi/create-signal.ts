/** A signal about one address, with the defaults of `create_signal` of the Python SDK (0.7.0) and none of its gaps. */

import { randomUUID } from 'node:crypto'
import { sdkTimestamp } from './sdk-timestamp.js'
import type { ScenarioTrust, Signal, SignalContext, SignalDecision } from './signal.js'
import { validateSignal } from './signal-schema.js'
import { type SourceDetails, wireSource } from './signal-source.js'

export interface CreateSignalOptions {
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
  /** Default empty. */
  readonly decisions?: readonly SignalDecision[] | undefined
  /** What else is known of the address. The SDK has no room for it. */
  readonly source?: SourceDetails | undefined
}

/** Throws `ERR_CSB_SIGNAL` with everything that CAPI would not take. */
export function createSignal(options: CreateSignalOptions): Signal {
  const { attackerIp, startAt, stopAt, context = [], decisions = [] } = options
  const createdAt = sdkTimestamp(options.createdAt)
  return validateSignal({
    uuid: options.uuid ?? randomUUID(),
    machine_id: options.machineId,
    message: options.message ?? '',
    scenario: options.scenario,
    scenario_hash: options.scenarioHash ?? '',
    scenario_version: options.scenarioVersion ?? '',
    scenario_trust: options.scenarioTrust ?? 'manual',
    source: wireSource({ ...options.source, scope: 'ip', value: attackerIp }),
    created_at: createdAt,
    start_at: startAt instanceof Date ? sdkTimestamp(startAt) : (startAt ?? createdAt),
    stop_at: stopAt instanceof Date ? sdkTimestamp(stopAt) : (stopAt ?? createdAt),
    alert_id: options.alertId,
    kind: options.kind,
    context,
    decisions,
  })
}
