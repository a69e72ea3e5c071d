/** Servers with the real semantics of CrowdSec's APIs, for your own tests: `import { FakeLapi } from 'crowdsec-bouncer/testing'`. */

export type { BouncerSession } from './bouncer-sessions.js'
export type { DecisionFilter, NewDecision } from './decision-table.js'
export { type ActiveDecision, FakeLapi, type FakeLapiOptions } from './fake-lapi.js'
export type { Fault } from './faults.js'
export type { BodyShape } from './lapi-version.js'
export type { LoggedRequest } from './request-log.js'
