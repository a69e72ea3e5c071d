/** Every option of the library and of the service: its schema, its default and what documentation and errors say of it. */

import { z } from 'zod'
import { capiOptions } from './capi-options.js'
import { geoOptions } from './geo-options.js'
import { lapiOptions } from './lapi-options.js'
import { type OptionInfo, optionInfo } from './option-info.js'
import {
  distinctTextList,
  duration,
  filePath,
  httpUrl,
  listenAddress,
  loggerShape,
  secretText,
  sourceList,
  textList,
} from './option-kinds.js'
import { reportOptions } from './report-options.js'
import { requestOptions } from './request-options.js'

const durationText = 'a duration of 100ms to 24d such as 10s, 1h30m or 1d, or milliseconds as a number'
const listText = 'a list of texts, or one text with commas between them'

const everywhere = { place: 'everywhere', value: 'plain' } as const
const codeOnly = { place: 'code', value: 'plain' } as const
const serviceOnly = { place: 'service', value: 'plain' } as const

const decisionOptions = z.strictObject({
  apiUrl: httpUrl.prefault('http://127.0.0.1:8080').register(optionInfo, {
    ...everywhere,
    accepts: 'an http or https URL such as http://127.0.0.1:8080, with or without a path, or unix:/path',
    meaning: 'Where the CrowdSec Local API (LAPI) answers. Used when there is an `api_key`.',
  }),
  apiKey: secretText.optional().register(optionInfo, {
    ...everywhere,
    value: 'secret',
    accepts: 'text without spaces or control characters (from `cscli bouncers add NAME`)',
    meaning: 'The key for the LAPI, from `cscli bouncers add NAME`. With a key, `decisions_file` is not used.',
  }),
  apiKeyFile: filePath.optional().register(optionInfo, {
    ...everywhere,
    value: 'path',
    accepts: 'the path of a file',
    meaning: 'A file that holds nothing but the `api_key`. Instead of `api_key`.',
  }),
  streamUpdateFrequency: duration.prefault('10s').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How often the LAPI is asked what changed.',
  }),
  resyncInterval: duration.prefault('4h').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How often all decisions are pulled again, because a LAPI can lose changes.',
  }),
  fullPullTimeout: duration.prefault('5m').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How long a pull of all decisions may take.',
  }),
  deltaPullTimeout: duration.prefault('30s').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How long a pull of changes may take.',
  }),
  startTimeout: duration.prefault('10s').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How long `start()` waits for the first full sync before it lets the application go on without.',
  }),
  origins: textList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: listText,
    meaning: 'Only decisions of these origins (`crowdsec`, `cscli`, `CAPI`, `lists`, ...). Empty: all.',
  }),
  scopes: distinctTextList.prefault(['ip', 'range']).register(optionInfo, {
    ...everywhere,
    accepts: `${listText}, each once and at least one`,
    meaning: 'Only decisions of these scopes.',
  }),
  scenariosContaining: textList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: listText,
    meaning: 'Only decisions whose scenario contains one of these texts. Empty: all.',
  }),
  scenariosNotContaining: textList.prefault([]).register(optionInfo, {
    ...everywhere,
    accepts: listText,
    meaning: 'No decisions whose scenario contains one of these texts.',
  }),
  decisionsFile: filePath.optional().register(optionInfo, {
    ...everywhere,
    value: 'path',
    accepts: 'the path of a file',
    meaning: 'A local list of addresses, ranges and CIDRs to ban. Not used when there is an `api_key`.',
  }),
  snapshotFile: filePath.optional().register(optionInfo, {
    ...everywhere,
    value: 'path',
    accepts: 'the path of a file in a directory where the process may write',
    meaning: 'Keeps the decisions over a restart, which then protects before the first sync.',
  }),
  snapshotInterval: duration.prefault('5m').register(optionInfo, {
    ...everywhere,
    accepts: durationText,
    meaning: 'How much time lies between two snapshots at least. One more is written on stop.',
  }),
  sources: sourceList.prefault([]).register(optionInfo, {
    ...codeOnly,
    accepts: 'a list of objects with `name`, `start` and `stop`, each name once',
    meaning: 'Sources of decisions of your own, beside the LAPI or the file.',
  }),
  logger: loggerShape.optional().register(optionInfo, {
    ...codeOnly,
    accepts: 'an object with `debug`, `info`, `warn` and `error`, such as console or a pino logger',
    meaning: 'What is told in sentences goes here. Without one the library is silent.',
  }),
})

/** What `createBouncer` takes. */
export const libraryOptions = z.strictObject({
  ...decisionOptions.shape,
  ...lapiOptions.shape,
  ...geoOptions.shape,
  ...requestOptions.shape,
  ...capiOptions.shape,
  ...reportOptions.shape,
})

/** What only the check service takes. */
const serviceOptions = z.strictObject({
  listen: listenAddress.prefault('127.0.0.1:8088').register(optionInfo, {
    ...serviceOnly,
    accepts: '`host:port`, `[v6]:port` or `port` (then on 127.0.0.1)',
    meaning: 'Where the check service listens. Port 0 lets the system choose.',
  }),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .prefault('info')
    .register(optionInfo, {
      ...serviceOnly,
      accepts: '`debug`, `info`, `warn`, `error` or `silent`',
      meaning: 'The least important lines that the service still logs.',
    }),
})

/** All options; the ways in differ only in which of them they can carry. */
export const allOptions = z.strictObject({ ...libraryOptions.shape, ...serviceOptions.shape })

export type OptionName = keyof typeof allOptions.shape

export const optionNames = Object.keys(allOptions.shape) as readonly OptionName[]

export function infoOf(name: OptionName): OptionInfo {
  const info = optionInfo.get(allOptions.shape[name])
  if (info === undefined) throw new TypeError(`option ${name} has no description`)
  return info
}

/** What `createBouncer` takes: camelCase, durations as text or milliseconds. `docs/options.md` tells what each means. */
export type BouncerOptions = z.input<typeof libraryOptions>

export type LogLevel = z.output<typeof allOptions>['logLevel']
