/** `crowdsec-bouncer/lapi`: the LAPI's protocol by itself, without the bouncer around it. */

export type { LapiClientOptions, QueryRequest, StreamFilter, StreamRequest, UsageMetricsPush } from './lapi-client.js'
export { LapiClient, LapiError } from './lapi-client.js'
export { type DecisionBatch, DecisionStreamParser, readDecisionStream } from './stream-parser.js'
export type { RemediationComponent, UsageItem, UsageMetrics, UsageWindow } from './usage-metrics.js'
