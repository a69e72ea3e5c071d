/** What `crowdsec-bouncer/capi` gives of CAPI's protocol: signals, machine ids, the shapes of answers. */

export { capiBaseUrls } from './base-url.js'
export type { CapiMetrics, EnrollAnswer } from './capi-api.js'
export type { AllowlistLink, BlocklistLink, CapiDecisions } from './capi-decisions.js'
export { CapiError, type CapiErrorCode } from './capi-error.js'
export { type CreateSignalOptions, createSignal } from './create-signal.js'
export type { EnrollOptions, EnrollResult } from './enrollment.js'
export { flatDecisions } from './flat-decisions.js'
export type { LoginResult, MachineCounts } from './machine-counts.js'
export { generateMachineId, type MachineIdOptions, randomMachineId } from './machine-id.js'
export type { BlockReason, Breaker, MachineRecord, MachineStorage, Standing } from './machine-storage.js'
export type { MachineState } from './machines.js'
export { judgeScenarioName, type ScenarioNameVerdict } from './scenario-name.js'
export type { ScenarioTrust, Signal, SignalContext, SignalDecision, SignalSource } from './signal.js'
export {
  buildDecision,
  buildSignal,
  buildSimpleSignalForIp,
  type DecisionProperties,
  type DecisionSubject,
  type SignalProperties,
  type SimpleSignalProperties,
} from './signal-builder.js'
export { validateSignal } from './signal-schema.js'
