/** Signals and decisions from a few properties and stated defaults: what the PHP client (3.5.2) builds, but no ban that nobody asked for. */

import { BouncerError } from '../../errors.js'
import { formatTime } from '../timestamp.js'
import { durationText } from './duration-text.js'
import { requireKnownFields } from './known-fields.js'
import { judgeScenarioName } from './scenario-name.js'
import type { Signal, SignalDecision } from './signal.js'
import { DETAIL_NAMES, type SignalDetails, wireDetails } from './signal-details.js'
import { validateSignal } from './signal-schema.js'
import { SOURCE_NAMES, type SourceProperties, wireSource } from './signal-source.js'

export interface SignalProperties extends SignalDetails {
  readonly machineId: string
  /** `author/name`. */
  readonly scenario: string
  /** Default now. */
  readonly createdAt?: Date | undefined
  /** Default `createdAt`. */
  readonly startAt?: Date | undefined
  /** Default `createdAt`. */
  readonly stopAt?: Date | undefined
}

export interface DecisionProperties {
  /** Whole seconds. */
  readonly duration: number
  /** Default `ban`. */
  readonly type?: string | undefined
  /** Default `crowdsec`. */
  readonly origin?: string | undefined
  /** Default the signal's. */
  readonly scenario?: string | undefined
  /** Default the scope of the signal's source. */
  readonly scope?: string | undefined
  /** Default the value of the signal's source. */
  readonly value?: string | undefined
  /** Default 0, which is "none". */
  readonly id?: number | undefined
  /** Default the signal's. */
  readonly uuid?: string | undefined
  /** Default false. */
  readonly simulated?: boolean | undefined
  readonly until?: Date | undefined
}

export interface SimpleSignalProperties
  extends Pick<SignalProperties, 'machineId' | 'scenario' | 'createdAt' | 'message'> {
  readonly ip: string
  /** Seconds of a ban that goes with the signal. Default none; the PHP client sends a day. */
  readonly duration?: number | undefined
}

/** What a decision takes from the signal that it stands in. */
export type DecisionSubject = Pick<SignalDecision, 'scenario' | 'scope' | 'value' | 'uuid'>

const DECISION_NAMES = Object.keys({
  duration: true,
  type: true,
  origin: true,
  scenario: true,
  scope: true,
  value: true,
  id: true,
  uuid: true,
  simulated: true,
  until: true,
} satisfies Record<keyof DecisionProperties, true>)

const OWN_NAMES = Object.keys({
  machineId: true,
  scenario: true,
  createdAt: true,
  startAt: true,
  stopAt: true,
} satisfies Record<Exclude<keyof SignalProperties, keyof SignalDetails>, true>)

/** Throws `ERR_CSB_SIGNAL`, also for a scenario that is no `author/name`. Times are RFC 3339, UTC. */
export function buildSignal(
  properties: SignalProperties,
  source: SourceProperties,
  decisions: readonly DecisionProperties[] = [],
): Signal {
  requireKnownFields(properties, [...OWN_NAMES, ...DETAIL_NAMES])
  requireKnownFields(source, SOURCE_NAMES, 'source.')
  const { machineId, scenario, startAt, stopAt } = properties
  const judged = judgeScenarioName(String(scenario))
  if (judged.verdict === 'invalid') throw new BouncerError('ERR_CSB_SIGNAL', `scenario: ${judged.why}`)
  if (!Array.isArray(decisions) || !decisions.every((decision) => typeof decision === 'object' && decision !== null)) {
    throw new BouncerError('ERR_CSB_SIGNAL', 'decisions: expected a list of objects')
  }
  const createdAt = timeText('createdAt', properties.createdAt ?? new Date())
  const details = wireDetails(properties)
  const subject = { scenario, scope: source.scope ?? 'ip', value: source.value, uuid: details.uuid }
  return validateSignal({
    ...details,
    machine_id: machineId,
    scenario,
    source: wireSource(source),
    created_at: createdAt,
    start_at: startAt === undefined ? createdAt : timeText('startAt', startAt),
    stop_at: stopAt === undefined ? createdAt : timeText('stopAt', stopAt),
    decisions: decisions.map((decision) => buildDecision(decision, subject)),
  })
}

/** A signal about one address, with one ban where `duration` is given. Throws what `buildSignal` throws. */
export function buildSimpleSignalForIp({ ip, duration, ...properties }: SimpleSignalProperties): Signal {
  return buildSignal(properties, { value: ip }, duration === undefined ? [] : [{ duration }])
}

/** Throws `ERR_CSB_SIGNAL` for an unknown field, and a duration or a time that is none; the rest is checked with the signal. */
export function buildDecision(properties: DecisionProperties, subject: DecisionSubject): SignalDecision {
  requireKnownFields(properties, DECISION_NAMES, 'decision.')
  const { until } = properties
  return {
    id: properties.id ?? 0,
    uuid: properties.uuid ?? subject.uuid,
    duration: durationText(properties.duration),
    origin: properties.origin ?? 'crowdsec',
    scenario: properties.scenario ?? subject.scenario,
    scope: properties.scope ?? subject.scope,
    type: properties.type ?? 'ban',
    value: properties.value ?? subject.value,
    simulated: properties.simulated ?? false,
    ...(until === undefined ? {} : { until: timeText('until', until) }),
  }
}

function timeText(name: string, time: Date): string {
  const text = time instanceof Date ? formatTime(time) : null
  if (text !== null) return text
  throw new BouncerError('ERR_CSB_SIGNAL', `${name}: expected a Date in the years 0 to 9999, got ${String(time)}`)
}
