/** `crowdsec-bouncer`: the decision engine. */

export { Bouncer, createBouncer } from './bouncer.js'
export type { BouncerEvents, BouncerStats } from './bouncer-face.js'
export type { BouncerOptions } from './config/options.js'
export type { Decision, Verdict } from './decisions/decision.js'
export type { Subjects } from './decisions/judge.js'
export type { DecisionChange, WireDecision } from './decisions/wire-decision.js'
export { BouncerError, type BouncerErrorCode } from './errors.js'
export type { Logger } from './logger.js'
export type { ChangeSummary, DecisionSink, ReplaceSummary, Source } from './sources/source.js'
export type { SourceStats } from './sources/source-account.js'
export type { SyncReport } from './sources/store-sink.js'
