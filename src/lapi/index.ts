/** `crowdsec-bouncer/lapi`: the LAPI's protocol by itself, without the bouncer around it. */

export type { DecisionChange, WireDecision } from '../decisions/wire-decision.js'
export { BouncerError, type BouncerErrorCode } from '../errors.js'
export type { Logger, RemediationFields } from '../logger.js'
export { readDecisionStream } from './decision-stream.js'
export type { LapiClientOptions, QueryRequest, StreamFilter, StreamRequest, UsageMetricsPush } from './lapi-client.js'
export { LapiClient, LapiError } from './lapi-client.js'
export { type DecisionBatch, type DecisionStreamOptions, DecisionStreamParser } from './stream-parser.js'
export type { RemediationComponent, UsageItem, UsageMetrics, UsageWindow } from './usage-metrics.js'
