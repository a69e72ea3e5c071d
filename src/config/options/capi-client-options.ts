/** Options of `createCapiClient`. */

import { z } from 'zod'
import type { Logger } from '../../logger.js'
import type { Storage } from '../../signals/storage/storage.js'
import { capiUrl, loginBudget, loginBudgetText, scenarioList, storageLocation } from '../kinds/capi-kinds.js'
import { loggerShape } from '../kinds/code-kinds.js'
import { duration, durationText, zero } from '../kinds/option-kinds.js'
import { codeOnly, optionInfo } from './option-info.js'

/** The user's own storage, by its shape. */
const storageShape = z.custom<Storage>(
  (value) =>
    typeof value === 'object' && value !== null && 'machines' in value && 'signals' in value && 'close' in value,
)

export const capiClientOptions = z.strictObject({
  scenarios: scenarioList.prefault([]).register(optionInfo, {
    ...codeOnly,
    accepts: 'a list of scenarios as `author/name`, or one text with commas between them',
    meaning: 'The scenarios that all machines tell CAPI they report. They decide which community list they get.',
  }),
  url: capiUrl.prefault('development').register(optionInfo, {
    ...codeOnly,
    accepts: '`production`, `development`, or an http or https URL',
    meaning: 'Where CAPI answers. Version 3 of it, so that a URL ends in `/v3`.',
  }),
  storage: z.union([storageShape, storageLocation]).register(optionInfo, {
    ...codeOnly,
    value: 'location',
    accepts: '`sqlite:PATH`, `postgresql://USER:PASSWORD@HOST/DATABASE`, `memory`, or an object that is a storage',
    meaning: 'Where machines, their tokens and the signals that wait are kept. `memory` forgets all on close.',
  }),
  userAgentPrefix: z
    .string()
    .regex(/^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$/)
    .prefault('')
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'up to 64 letters, digits, `.`, `_` and `-`',
      meaning: 'Stands before our own name in the User-Agent.',
    }),
  maxRetries: z
    .int()
    .min(0)
    .max(100)
    .prefault(3)
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'a whole number of 0 to 100',
      meaning: 'How often signals are tried again in one run after a failure that may pass, beside the first try.',
    }),
  retryDelay: duration.prefault('5s').register(optionInfo, {
    ...codeOnly,
    accepts: durationText,
    meaning: 'The longest wait before the first retry. It doubles with each further one, up to a minute.',
  }),
  latencyOffset: z
    .union([zero, duration])
    .prefault('10s')
    .register(optionInfo, {
      ...codeOnly,
      accepts: `0, or ${durationText}`,
      meaning: 'How long a token must still be good to be used.',
    }),
  timeout: duration.prefault('30s').register(optionInfo, {
    ...codeOnly,
    accepts: durationText,
    meaning: 'How long one exchange with CAPI may take.',
  }),
  loginBudget: loginBudget.prefault(18).register(optionInfo, {
    ...codeOnly,
    accepts: loginBudgetText,
    meaning:
      'How many logins go out in 50 minutes, of all machines and processes on the storage. After more than 20 CAPI refuses an address for an hour. Paid accounts are exempt.',
  }),
  limits: z
    .strictObject({ maxSignals: z.int().min(1).exactOptional(), maxAge: duration.exactOptional() })
    .prefault({})
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'an object with `maxSignals` (a whole number from 1) and `maxAge` (a duration)',
      meaning: 'How much the outbox holds. Default 100,000 signals and 7 days. Not for a storage of your own.',
    }),
  allowPrivateLinks: z
    .boolean()
    .prefault(false)
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'true or false',
      meaning:
        'Whether links to lists may be plain http and point to private addresses. Else http only where `url` is http.',
    }),
  logger: loggerShape.optional().register(optionInfo, {
    ...codeOnly,
    accepts: 'an object with `debug`, `info`, `warn` and `error`, such as console or a pino logger',
    meaning: 'What is told in sentences goes here. Without one the client is silent.',
  }),
})

/** What `createCapiClient` takes. Durations are texts such as `10s`, or milliseconds. */
export type CapiClientOptions = z.input<typeof capiClientOptions>

/** Every option with its value or default; durations in milliseconds. */
export type ResolvedCapiClientOptions = Readonly<Omit<z.output<typeof capiClientOptions>, 'logger'>> & {
  readonly logger: Logger
}
