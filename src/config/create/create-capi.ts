/** From options to what talks to CAPI, whoever needs it: the source of decisions, the reporter of hits, or both. */

import { CapiApi } from '../../capi/api/capi-api.js'
import type { MeasuredCapi } from '../../metrics/capi-metrics.js'
import { atOnce } from '../../remediation/user-function.js'
import { CapiAccount } from '../../signals/capi-account.js'
import { HitReporter } from '../../signals/hits/hit-reporter.js'
import { Reporting, type ReportingOptions } from '../../signals/reporting.js'
import type { AllowlistTarget } from '../../sources/linked-allowlists.js'
import type { Source } from '../../sources/source.js'
import { USER_AGENT } from '../../version.js'
import type { ResolvedOptions } from '../parse-options.js'
import { createCapiSource } from './create-capi-source.js'

export interface CapiParts {
  readonly api: CapiApi
  readonly account: CapiAccount
  /** Throws `ERR_CSB_STORAGE` where a package that the storage needs is not installed. */
  readonly verifyPackages: () => Promise<void>
  /** Null where hits are not reported. */
  readonly reporting: Reporting | null
}

export interface CapiHooks {
  /** By the user's own list or by one of CAPI's. */
  readonly isAllowlisted: (address: string) => boolean
  readonly warnOnce: (code: string, message: string) => void
  /** Hears of signals that did not arrive. */
  readonly onError: (error: Error) => void
  readonly onStorageFailed: (error: Error) => void
}

/** Null where CAPI is neither asked nor told. Nothing is opened or connected yet. */
export function createCapi(options: ResolvedOptions, hooks: CapiHooks): CapiParts | null {
  const { report, capiPull, capiUrl, capiScenarios: scenarios, capiMachineId, capiPassword, logger } = options
  if (!report && !capiPull) return null
  const storageModule = () => import('../../signals/storage/open-storage.js')
  const api = new CapiApi({ baseUrl: capiUrl, userAgent: USER_AGENT, logger })
  const account = new CapiAccount({
    api,
    open: async (storageOptions) => {
      const { openStorage } = await storageModule()
      const limits = { maxSignals: options.reportMaxSignals, maxAge: options.reportMaxAge }
      return openStorage(options.capiStorage.reveal(), { ...storageOptions, limits })
    },
    scenarios,
    machineId: capiMachineId ?? null,
    password: capiPassword?.reveal() ?? null,
    loginBudget: options.capiLoginBudget,
    logger,
    onError: hooks.onStorageFailed,
  })
  const verifyPackages = async () => (await storageModule()).verifyPackages(options.capiStorage.reveal())
  return { api, account, verifyPackages, reporting: report ? createReporting(options, account, hooks) : null }
}

/** Null where CAPI is not asked for decisions. `allowlists`: null where it is not asked for these. */
export function sourceOfCapi(
  options: ResolvedOptions,
  capi: CapiParts | null,
  allowlists: AllowlistTarget | null,
): Source | null {
  const { capiPull, capiMachineId: machineId = '' } = options
  if (!capiPull || capi === null) return null
  const { api, account: machines } = capi
  return createCapiSource(options, { api, machines, machineId, allowlists: allowlists ?? NO_ALLOWLISTS })
}

const NO_ALLOWLISTS: AllowlistTarget = { held: 0, async replace() {}, async keep() {} }

/** What metrics show of it. */
export function measured({ account, reporting }: CapiParts): MeasuredCapi {
  return {
    reporting: () => reporting?.stats() ?? null,
    account: () => {
      const { current } = account
      if (current === null) return null
      const { storage, machines, machineId } = current
      return {
        logins: machines.counts.logins,
        outbox: () => storage.signals.counts(),
        machineState: async () => (await machines.standing(machineId))?.state ?? null,
        isBreakerOpen: async () => (await machines.breaker()) !== null,
      }
    },
  }
}

function createReporting(options: ResolvedOptions, account: CapiAccount, hooks: CapiHooks): Reporting {
  const { redact, reportInterval: interval, logger } = options
  const { isAllowlisted, onError, warnOnce } = hooks
  const reporter = new HitReporter({
    scenarios: options.capiScenarios,
    fallbackScenario: options.reportScenario ?? null,
    origins: options.reportOrigins,
    context: options.reportContext,
    redact: redact === undefined ? null : (context) => atOnce(redact(context)),
    window: options.reportWindow,
    isAllowlisted,
    add: (drafts) => account.add(drafts),
    logger,
    warnOnce,
    onError,
  })
  const send: ReportingOptions['send'] = (request) => account.send(request)
  return new Reporting({ reporter, send, interval, logger, onError, warnOnce })
}
