/** What `crowdsec-bouncer/capi` gives of the outbox: its storages, and the shapes of what they hold and report. */

export type { FailingMachine, PruneReport } from './failing-machines.js'
export type { SendFailure, SendProgress, SendReport, SendRequest } from './sending/signal-sender.js'
export { MemoryStorage } from './storage/memory-storage.js'
export { openStorage, type StorageOptions } from './storage/open-storage.js'
export type {
  AddSummary,
  ClaimRequest,
  OutboxLimits,
  SignalCounts,
  SignalFilter,
  SignalState,
  SignalStorage,
  StoredSignal,
} from './storage/signal-storage.js'
export type { Storage } from './storage/storage.js'
