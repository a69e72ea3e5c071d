/** The LAPIs that the options name, a client for each, and what a person should know about the way to them. */

import { LapiClient } from '../lapi/lapi-client.js'
import { USER_AGENT } from '../version.js'
import type { ResolvedOptions } from './parse-options.js'
import type { Secret } from './secret.js'

/** One LAPI, and who we are to it. */
export interface LapiPeer {
  readonly name: string
  readonly apiUrl: string
  /** Null: it knows us by our certificate. */
  readonly apiKey: Secret | null
  /** For questions about single addresses; null: the same as for everything else. */
  readonly liveApiKey: Secret | null
}

/** A misconfiguration that works, but not as the user may think. */
export interface ConnectionWarning {
  readonly code: string
  readonly message: string
}

export function lapiPeers(options: ResolvedOptions): readonly LapiPeer[] {
  if (options.lapis.length > 0) return options.lapis.map((one) => ({ ...one, liveApiKey: one.liveApiKey ?? null }))
  const { apiUrl, apiKey, liveApiKey = null, tlsCertFile } = options
  return apiKey === null && tlsCertFile === undefined ? [] : [{ name: 'lapi', apiUrl, apiKey, liveApiKey }]
}

/** Reads certificates at once: throws `ERR_CSB_TLS`. */
export function createLapiClient(options: ResolvedOptions, { apiUrl, apiKey }: LapiPeer): LapiClient {
  const { tlsCertFile: cert, tlsKeyFile: key, tlsCaFile: ca, insecureSkipVerify, logger } = options
  const tls = { cert, key, ca, verify: !insecureSkipVerify }
  return new LapiClient({ apiUrl, apiKey: apiKey?.reveal(), userAgent: USER_AGENT, tls, logger })
}

export function connectionWarnings(options: ResolvedOptions): readonly ConnectionWarning[] {
  const peers = lapiPeers(options)
  const warnings: ConnectionWarning[] = []
  if (options.insecureSkipVerify && peers.length > 0) warnings.push(INSECURE)
  if (options.mode === 'hybrid' && peers.some(({ liveApiKey }) => liveApiKey === null)) warnings.push(LIVE_KEY)
  return warnings
}

const INSECURE: ConnectionWarning = {
  code: 'CSB_INSECURE_SKIP_VERIFY',
  message:
    "insecure_skip_verify is on: the LAPI's certificate is not checked, so whoever stands in between can read the key and forge decisions. Use tls_ca_file",
}

// The LAPI notes one time of the last pull for each key, and a question about an address moves it if it is a minute old.
const LIVE_KEY: ConnectionWarning = {
  code: 'CSB_LIVE_KEY',
  message:
    'mode is hybrid and live_api_key is not set: questions under the key of the stream can make the LAPI forget changes that it owes, until the next full sync. Add a second key with `cscli bouncers add`',
}
