/** Options that work, but not as the user may think: what he is warned of once at the start. */

import { judgeScenarioName } from '../capi/signals/scenario-name.js'
import { prefixesIn } from '../net/prefix-set.js'
import { lapiPeers } from './lapi-peers.js'
import type { ResolvedOptions } from './parse-options.js'

export interface OptionWarning {
  readonly code: string
  readonly message: string
}

export function optionWarnings(options: ResolvedOptions): readonly OptionWarning[] {
  const peers = lapiPeers(options)
  const warnings: OptionWarning[] = []
  if (options.insecureSkipVerify && peers.length > 0) warnings.push(INSECURE)
  if (options.mode === 'hybrid' && peers.some(({ liveApiKey }) => liveApiKey === null)) warnings.push(LIVE_KEY)
  if (options.report || options.capiPull) warnings.push(...scenarioWarnings(options.capiScenarios))
  if (prefixesIn(options.allowlist).some(({ length }) => length === 0)) warnings.push(ALLOWLIST_ALL)
  return warnings
}

/** Names that are used, but that CrowdSec's own clients would refuse. */
function scenarioWarnings(scenarios: readonly string[]): readonly OptionWarning[] {
  const reasons = scenarios.map(judgeScenarioName).flatMap((name) => (name.verdict === 'ok' ? [] : [name.why]))
  return reasons.length === 0 ? [] : [{ code: 'CSB_SCENARIO_NAME', message: `capi_scenarios: ${reasons.join('; ')}` }]
}

const INSECURE: OptionWarning = {
  code: 'CSB_INSECURE_SKIP_VERIFY',
  message:
    "insecure_skip_verify is on: the LAPI's certificate is not checked, so whoever stands in between can read the key and forge decisions. Use tls_ca_file",
}

// The LAPI notes one time of the last pull for each key, and a question about an address moves it if it is a minute old.
const LIVE_KEY: OptionWarning = {
  code: 'CSB_LIVE_KEY',
  message:
    'mode is hybrid and live_api_key is not set: questions under the key of the stream can make the LAPI forget changes that it owes, until the next full sync. Add a second key with `cscli bouncers add`',
}

const ALLOWLIST_ALL: OptionWarning = {
  code: 'CSB_ALLOWLIST_ALL',
  message: 'allowlist holds every address of a family, none of which is ever blocked',
}
