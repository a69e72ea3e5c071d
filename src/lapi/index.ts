/** `crowdsec-bouncer/lapi`: the LAPI's protocol by itself, without the bouncer around it. */

export type { LapiClientOptions, StreamFilter, StreamRequest } from './lapi-client.js'
export { LapiClient, LapiError } from './lapi-client.js'
export { type DecisionBatch, DecisionStreamParser, readDecisionStream } from './stream-parser.js'
