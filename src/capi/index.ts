/** What `crowdsec-bouncer/capi` gives of CAPI's protocol: signals, machine ids, the shapes of answers. */

export { capiBaseUrls } from './api/base-url.js'
export type { Cancelable, DecisionsOptions, DownloadOptions } from './api/call-options.js'
export type { CapiMetrics, EnrollAnswer } from './api/capi-calls.js'
export { isTokenValid } from './api/token.js'
export { CapiError, type CapiErrorCode } from './capi-error.js'
export type { AllowlistLink, BlocklistLink, CapiDecisions } from './decisions/capi-decisions.js'
export { flatDecisions } from './decisions/flat-decisions.js'
export type { EnrollOptions, EnrollResult } from './machines/enrollment.js'
export type { LoginResult, MachineCounts } from './machines/machine-counts.js'
export { generateMachineId, type MachineIdOptions, randomMachineId } from './machines/machine-id.js'
export type {
  BlockReason,
  Breaker,
  LoginClaim,
  LoginLimit,
  LoginPermit,
  MachineRecord,
  MachineStorage,
  Standing,
} from './machines/machine-storage.js'
export type { MachineState } from './machines/machines.js'
export { type CreateSignalOptions, createSignal } from './signals/create-signal.js'
export { judgeScenarioName, type ScenarioNameVerdict } from './signals/scenario-name.js'
export { readSdkTime, sdkTimestamp } from './signals/sdk-timestamp.js'
export type { ScenarioTrust, Signal, SignalContext, SignalDecision, SignalSource } from './signals/signal.js'
export {
  buildDecision,
  buildSignal,
  buildSimpleSignalForIp,
  type DecisionProperties,
  type DecisionSubject,
  type SignalProperties,
  type SimpleSignalProperties,
} from './signals/signal-builder.js'
export type { SignalDetails } from './signals/signal-details.js'
export { validateSignal } from './signals/signal-schema.js'
export type { SourceDetails, SourceProperties } from './signals/signal-source.js'
export { parseTime } from './timestamp.js'
