/** The rules that a FakeCapi plays by, and everything that it knows. */

import type { CapiBodies } from './capi-bodies.js'
import type { CapiLinks } from './capi-links.js'
import type { CapiLists } from './capi-lists.js'
import type { CapiMachines } from './capi-machines.js'
import type { TokenShape } from './capi-token.js'
import type { LoginThrottle } from './login-throttle.js'
import type { ReceivedSignal, SignalInbox } from './signal-inbox.js'

export interface CapiRules {
  /** Milliseconds. */
  readonly tokenLifetime: number
  readonly tokenShape: TokenShape
  /** The status of a login with wrong credentials. */
  readonly badLogin: 401 | 403
  /** What gets 403 after too many logins: every login, or every authenticated request too. */
  readonly throttle: 'logins' | 'requests' | 'off'
  readonly attachmentKeys: ReadonlySet<string>
  /** The status of a push in which a signal breaks the contract. */
  readonly onPoison: 400 | 413 | 422
  readonly onSignals: (batch: readonly ReceivedSignal[]) => void
}

/** A body that was accepted as it came. */
export interface ReceivedReport {
  readonly machineId: string
  /** Unix milliseconds of the fake's clock. */
  readonly at: number
  readonly body: unknown
}

export interface CapiState {
  readonly rules: CapiRules
  readonly bodies: CapiBodies
  readonly machines: CapiMachines
  readonly throttle: LoginThrottle
  readonly lists: CapiLists
  readonly links: CapiLinks
  readonly inbox: SignalInbox
  readonly metrics: ReceivedReport[]
  readonly usageMetrics: ReceivedReport[]
}
