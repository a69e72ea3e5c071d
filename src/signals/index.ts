/** What `crowdsec-bouncer/capi` gives of the outbox: its storages, and the shapes of what they hold and report. */

export type { FailingMachine } from './failing-machines.js'
export { MemoryStorage } from './memory-storage.js'
export { openStorage, type StorageOptions } from './open-storage.js'
export type { SendFailure, SendProgress, SendReport, SendRequest } from './signal-sender.js'
export type {
  AddSummary,
  ClaimRequest,
  OutboxLimits,
  SignalCounts,
  SignalFilter,
  SignalState,
  SignalStorage,
  StoredSignal,
} from './signal-storage.js'
export type { Storage } from './storage.js'
