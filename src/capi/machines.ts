/**
 * The machines that talk to CAPI: credentials that are never lost, tokens that are kept while they are good, and pauses where CAPI
 * wants none of us.
 */

import type { CapiApi, CapiCall, EnrollAnswer } from './capi-api.js'
import type { MachineRecord } from './machine-storage.js'

/** What of the machines others work with. */
export interface TokenHolder {
  /**
   * Runs one authenticated request for a machine: registers it where it is new, logs in where there is no good token, once more
   * after a 401, and waits for a login already under way. Throws `CapiError`: what the request threw, `ERR_CSB_CAPI_BLOCKED`
   * while the machine or all of them pause, `ERR_CSB_CAPI_BUDGET` where no login is free. Never waits for a pause to end.
   */
  withToken<Result>(
    machineId: string,
    signal: AbortSignal,
    request: (token: string) => Promise<Result>,
  ): Promise<Result>
}

export type { CapiApi, CapiCall, EnrollAnswer, MachineRecord }
