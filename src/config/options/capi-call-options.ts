/** Options of the calls of the client that `createCapiClient` makes. A misspelt one would else be the default, or a filter that holds back nothing. */

import { z } from 'zod'
import type { Cancelable, DecisionsOptions, DownloadOptions } from '../../capi/api/call-options.js'
import type { EnrollOptions } from '../../capi/machines/enrollment.js'
import type { SendRequest } from '../../signals/sending/signal-sender.js'
import type { SignalFilter } from '../../signals/storage/signal-storage.js'
import { abortSignalShape, codeFunction } from '../kinds/code-kinds.js'
import { codeOnly, optionInfo } from './option-info.js'

/** A schema for each option of a type, so that none can be forgotten. */
type ShapeOf<Options> = { readonly [Name in keyof Required<Options>]: z.ZodType }

function trueOrFalse(meaning: string) {
  return z
    .boolean()
    .optional()
    .register(optionInfo, { ...codeOnly, accepts: 'true or false', meaning })
}

function wholeNumber(from: 0 | 1, meaning: string) {
  const accepts = `a whole number from ${from}`
  return z
    .int()
    .min(from)
    .optional()
    .register(optionInfo, { ...codeOnly, accepts, meaning })
}

const signal = abortSignalShape.optional().register(optionInfo, {
  ...codeOnly,
  accepts: 'an AbortSignal',
  meaning: 'Gives up early.',
})

export const cancelable = z.strictObject({ signal } satisfies ShapeOf<Cancelable>)

export const sendOptions = z.strictObject({
  prune: trueOrFalse('Whether sent signals are deleted.'),
  batchSize: wholeNumber(1, 'How many signals are taken from the storage at once.'),
  signal,
  onProgress: codeFunction<SendRequest['onProgress']>()
    .optional()
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'a function of `{ machineId, sent, quarantined }`',
      meaning: 'Hears how far it is.',
    }),
} satisfies ShapeOf<SendRequest>)

export const decisionsOptions = z.strictObject({
  communityPull: trueOrFalse("Whether the community's list is pulled."),
  additionalPull: trueOrFalse('Whether blocklists and allowlists are pulled.'),
  signal,
} satisfies ShapeOf<DecisionsOptions>)

export const downloadOptions = z.strictObject({
  ifModifiedSince: z
    .date()
    .optional()
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'a Date that is valid',
      meaning: 'When the list was last downloaded.',
    }),
  signal,
} satisfies ShapeOf<DownloadOptions>)

export const enrollOptions = z.strictObject({
  name: z.string().register(optionInfo, { ...codeOnly, accepts: 'a text', meaning: 'What the console calls them.' }),
  attachmentKey: z
    .string()
    .regex(/^[A-Za-z0-9]+$/)
    .register(optionInfo, {
      ...codeOnly,
      value: 'secret',
      accepts: 'letters and digits',
      meaning: 'From the console.',
    }),
  tags: z
    .array(z.string().min(1))
    .optional()
    .register(optionInfo, {
      ...codeOnly,
      accepts: 'a list of texts',
      meaning: 'What else the console shows of them.',
    }),
  overwrite: trueOrFalse('Whether machines that are enrolled already are enrolled again.'),
  signal,
} satisfies ShapeOf<EnrollOptions & Cancelable>)

export const failingOptions = z.strictObject({ dryRun: trueOrFalse('Whether nothing is deleted.') })

const machineId = z
  .string()
  .min(1)
  .optional()
  .register(optionInfo, {
    ...codeOnly,
    accepts: 'a text',
    meaning: 'Signals of this machine alone.',
  })

export const requeueFilter = z.strictObject({ machineId })

export const countsFilter = z.strictObject({
  machineId,
  olderThan: wholeNumber(0, 'Signals that were stored longer ago than so many milliseconds.'),
} satisfies ShapeOf<Omit<SignalFilter, 'state'>>)

export const signalFilter = z.strictObject({
  ...countsFilter.shape,
  state: z
    .enum(['queued', 'sent', 'quarantined'])
    .optional()
    .register(optionInfo, {
      ...codeOnly,
      accepts: '`queued`, `sent` or `quarantined`',
      meaning: 'Signals in this state alone.',
    }),
} satisfies ShapeOf<SignalFilter>)

export const listOptions = z.strictObject({
  ...signalFilter.shape,
  limit: wholeNumber(0, 'How many at most.'),
  offset: wholeNumber(0, 'How many are passed over.'),
})
