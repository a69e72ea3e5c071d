/** What is said of signals that CAPI refuses, once more is known than one answer tells. */

import { CapiError } from '../../capi/capi-error.js'

/** None was taken, which may be a fault of CAPI's own. */
export function refusesAll(machineId: string, cause: CapiError | null): CapiError {
  const message =
    `CAPI refuses every signal of machine ${machineId} that was tried, which does not tell a bad signal from a fault of its` +
    ` own; they stay queued (${cause?.message})`
  return new CapiError('ERR_CSB_CAPI_STATUS', message, { status: cause?.status ?? undefined, cause })
}

/** Some were taken, and then all that were tried got 403. */
export function refusesTheRest(machineId: string, cause: CapiError | null): CapiError {
  const message =
    `CAPI, or a firewall before it, took signals of machine ${machineId} and then refused all that were tried; the rest stays` +
    ` queued (${cause?.message})`
  return new CapiError('ERR_CSB_CAPI_AUTH', message, { status: cause?.status ?? undefined, cause })
}

/** A single signal got 403. It is said only once others were taken, so that neither the credentials nor the address can be meant. */
export function refusedForItsContent(cause: CapiError): CapiError {
  const message = `Refused for what is in it, since others were taken; perhaps by a firewall before CAPI: ${cause.message}`
  return new CapiError(cause.code, message, { status: cause.status ?? undefined, cause })
}
