/** Options about telling CrowdSec's community what was blocked. */

import { z } from 'zod'
import { REQUEST_CONTEXT, type RequestContext, type RequestContextName } from '../../signals/hits/request-context.js'
import { reportInterval, reportWindow, scenarioName } from '../kinds/capi-kinds.js'
import { codeFunction } from '../kinds/code-kinds.js'
import { duration, durationText, listText, refuse, textList, yesOrNo, yesOrNoText } from '../kinds/option-kinds.js'
import { codeOnly, everywhere, optionInfo } from './option-info.js'

/** In code a misspelt name is an error of the compiler; text with commas comes from the environment. */
const contextList = z
  .custom<string | readonly RequestContextName[]>()
  .transform((given): string | readonly string[] => given)
  .pipe(textList)
  .transform((names, context) => {
    for (const [index, name] of names.entries()) {
      if (!isContextName(name)) refuse(context, { path: [index], input: name })
    }
    return [...new Set(names)].filter(isContextName)
  })

function isContextName(name: string): name is RequestContextName {
  return REQUEST_CONTEXT.some((one) => one === name)
}

export const reportOptions = z.strictObject({
  report: yesOrNo.prefault(false).register(optionInfo, {
    ...everywhere,
    accepts: yesOrNoText,
    meaning:
      'Tell CAPI, as signals, what was blocked and what `bouncer.report` is told. Hits of one address and scenario are one signal. Never told: private and other special addresses, those in `allowlist`, dry runs, and what a failure policy blocked. Needs `capi_scenarios`.',
  }),
  reportOrigins: textList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: listText,
    meaning:
      'Only what decisions of these origins blocked. Empty: all but `CAPI` and `lists`, which would only echo to the community what it has said.',
  }),
  reportScenario: scenarioName.optional().register(optionInfo, {
    ...everywhere,
    accepts: 'one of `capi_scenarios`',
    meaning:
      'The scenario of signals about decisions whose own scenario is not in `capi_scenarios`, such as those of `cscli`. Without it these are not told.',
  }),
  reportContext: contextList.prefault(['method', 'path', 'user_agent', 'status']).register(optionInfo, {
    ...everywhere,
    accepts: `a list of ${REQUEST_CONTEXT.map((name) => `\`${name}\``).join(', ')}, or one text with commas between them`,
    meaning:
      'What of blocked requests is told. Of each a few distinct texts, cut to 200 characters. Query strings and cookies often hold secrets of your visitors.',
  }),
  redact: codeFunction<(context: RequestContext) => RequestContext | null>()
    .optional()
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'a function of `{ path, user_agent, ... }` that returns the same with less in it, or null',
      meaning:
        'Sees what is told of each blocked request before it is kept: what it returns is told, and null leaves the hit out. If it fails, the hit is told without.',
    }),
  reportWindow: reportWindow.prefault('1m').register(optionInfo, {
    ...everywhere,
    accepts: 'a duration of 1s to 10m',
    meaning: 'For how long hits of one address and scenario are added up to one signal.',
  }),
  reportInterval: reportInterval.prefault('10m').register(optionInfo, {
    ...everywhere,
    accepts: 'a duration of 5m to 20m, in whole minutes',
    meaning: 'How often signals are sent.',
  }),
  reportMaxSignals: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000_000)
    .prefault(100_000)
    .register(optionInfo, {
      ...everywhere,
      accepts: 'a whole number from 1 to 10000000',
      meaning:
        'How many signals `capi_storage` holds, in all states. What exceeds it is dropped and counted: first those that were sent, then those that CAPI refused, then those that wait, of each the oldest. Give all processes on one storage the same.',
    }),
  reportMaxAge: duration.prefault('7d').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How long `capi_storage` holds a signal, in every state. Give all processes on one storage the same.',
  }),
})
