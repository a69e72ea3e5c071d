/** Everything that must outlive the process, in one place: machines and their tokens, and the outbox. */

import type { MachineStorage } from '../../capi/machines/machine-storage.js'
import type { SignalStorage } from './signal-storage.js'

export interface Storage {
  readonly machines: MachineStorage
  readonly signals: SignalStorage
  /** For messages: `sqlite:/var/lib/x.db`, `postgresql://host/db`, `memory`. Never a password. */
  readonly target: string
  close(): Promise<void>
}
