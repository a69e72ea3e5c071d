/** Options of `createCapiClient`: schemas, defaults, and what is said of a value that one does not take. */

import { z } from 'zod'
import { BouncerError } from '../errors.js'
import { type Logger, safeLogger, silentLogger } from '../logger.js'
import type { Storage } from '../signals/storage.js'
import { capiUrl, scenarioList, storageLocation } from './capi-kinds.js'
import { type OptionInfo, optionInfo } from './option-info.js'
import { duration, loggerShape } from './option-kinds.js'
import { kindOf, sentenceAbout, throwProblems } from './problem.js'

const inCode = { place: 'code', value: 'plain' } as const
const durationText = 'a duration of 100ms to 24d such as 10s, 1h30m or 1d, or milliseconds as a number'

/** The user's own storage, by its shape. */
const storageShape = z.custom<Storage>(
  (value) =>
    typeof value === 'object' && value !== null && 'machines' in value && 'signals' in value && 'close' in value,
)

export const capiClientOptions = z.strictObject({
  scenarios: scenarioList.prefault([]).register(optionInfo, {
    ...inCode,
    accepts: 'a list of scenarios as `author/name`, or one text with commas between them',
    meaning: 'The scenarios that all machines tell CAPI they report. They decide which community list they get.',
  }),
  url: capiUrl.prefault('development').register(optionInfo, {
    ...inCode,
    accepts: '`production`, `development`, or an http or https URL',
    meaning: 'Where CAPI answers. Version 3 of it, so that a URL ends in `/v3`.',
  }),
  storage: z.union([storageShape, storageLocation]).register(optionInfo, {
    ...inCode,
    value: 'location',
    accepts: '`sqlite:PATH`, `postgresql://USER:PASSWORD@HOST/DATABASE`, `memory`, or an object that is a storage',
    meaning: 'Where machines, their tokens and the signals that wait are kept. `memory` forgets all on close.',
  }),
  userAgentPrefix: z
    .string()
    .regex(/^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$/)
    .prefault('')
    .register(optionInfo, {
      ...inCode,
      accepts: 'up to 64 letters, digits, `.`, `_` and `-`',
      meaning: 'Stands before our own name in the User-Agent.',
    }),
  maxRetries: z
    .int()
    .min(0)
    .max(100)
    .prefault(3)
    .register(optionInfo, {
      ...inCode,
      accepts: 'a whole number of 0 to 100',
      meaning: 'How often signals are tried again in one run after a failure that may pass, beside the first try.',
    }),
  retryDelay: duration.prefault('5s').register(optionInfo, {
    ...inCode,
    accepts: durationText,
    meaning: 'The longest wait before the first retry. It doubles with each further one, up to a minute.',
  }),
  latencyOffset: z
    .union([z.literal([0, '0', '0s']).transform(() => 0), duration])
    .prefault('10s')
    .register(optionInfo, {
      ...inCode,
      accepts: `0, or ${durationText}`,
      meaning: 'How long a token must still be good to be used.',
    }),
  timeout: duration.prefault('30s').register(optionInfo, {
    ...inCode,
    accepts: durationText,
    meaning: 'How long one exchange with CAPI may take.',
  }),
  limits: z
    .strictObject({ maxSignals: z.int().min(1).exactOptional(), maxAge: duration.exactOptional() })
    .prefault({})
    .register(optionInfo, {
      ...inCode,
      accepts: 'an object with `maxSignals` (a whole number from 1) and `maxAge` (a duration)',
      meaning: 'How much the outbox holds. Default 100,000 signals and 7 days. Not for a storage of your own.',
    }),
  allowPrivateLinks: z
    .boolean()
    .prefault(false)
    .register(optionInfo, {
      ...inCode,
      accepts: 'true or false',
      meaning:
        'Whether links to lists may be plain http and point to private addresses. Else http only where `url` is http.',
    }),
  logger: loggerShape.optional().register(optionInfo, {
    ...inCode,
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

type Name = keyof typeof capiClientOptions.shape

/** Throws `ERR_CSB_CONFIG`, whose message lists everything that is wrong. */
export function parseCapiClientOptions(input: unknown): ResolvedCapiClientOptions {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new BouncerError('ERR_CSB_CONFIG', `expected an object with options, got ${kindOf(input)}`)
  }
  const { data, error } = capiClientOptions.safeParse(input)
  if (error === undefined) return { ...data, logger: data.logger ? safeLogger(data.logger) : silentLogger }
  throwProblems(error.issues.flatMap((issue) => sentences(issue, input)))
  throw error
}

function sentences(issue: z.core.$ZodIssue, input: object): string[] {
  const [name] = issue.path
  if (name === undefined && issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${key}: unknown option`)
  const known = names.find((option) => option === name)
  return known === undefined ? [issue.message] : [sentenceAbout(issue, infoOf(known), known, Reflect.get(input, known))]
}

const names = Object.keys(capiClientOptions.shape) as readonly Name[]

function infoOf(name: Name): OptionInfo {
  const info = optionInfo.get(capiClientOptions.shape[name])
  if (info === undefined) throw new TypeError(`option ${name} has no description`)
  return info
}
