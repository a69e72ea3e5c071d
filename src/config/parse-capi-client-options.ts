/** The options of `createCapiClient`, validated. */

import { safeLogger, silentLogger } from '../logger.js'
import { capiClientOptions, type ResolvedCapiClientOptions } from './options/capi-client-options.js'
import { type OtherNames, parseOptionObject } from './problems/option-object.js'

/** Those of the Python SDK that spelling alone does not explain. */
const PYTHON: OtherNames = { prod: "url: 'production'" }

/** Throws `ERR_CSB_CONFIG`, whose message lists everything that is wrong. */
export function parseCapiClientOptions(input: unknown): ResolvedCapiClientOptions {
  const options = parseOptionObject(capiClientOptions, input, PYTHON)
  return { ...options, logger: options.logger ? safeLogger(options.logger) : silentLogger }
}
