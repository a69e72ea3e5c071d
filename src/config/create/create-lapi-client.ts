/** From options to a client for one of the LAPIs that they name. */

import { LapiClient } from '../../lapi/lapi-client.js'
import { USER_AGENT } from '../../version.js'
import type { LapiPeer } from '../lapi-peers.js'
import type { ResolvedOptions } from '../parse-options.js'

/** Reads certificates at once: throws `ERR_CSB_TLS`. */
export function createLapiClient(options: ResolvedOptions, { apiUrl, apiKey }: LapiPeer): LapiClient {
  const { tlsCertFile: cert, tlsKeyFile: key, tlsCaFile: ca, insecureSkipVerify, logger } = options
  const tls = { cert, key, ca, verify: !insecureSkipVerify }
  return new LapiClient({ apiUrl, apiKey: apiKey?.reveal(), userAgent: USER_AGENT, tls, logger })
}
