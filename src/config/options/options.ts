/** All options of the library and of the service, put together from their groups. Each is a schema, a default and what a person is told of it. */

import { z } from 'zod'
import { capiOptions } from './capi-options.js'
import { decisionOptions } from './decision-options.js'
import { geoOptions } from './geo-options.js'
import { lapiOptions } from './lapi-options.js'
import { type OptionInfo, requiredInfo } from './option-info.js'
import { reportOptions } from './report-options.js'
import { requestOptions } from './request-options.js'
import { serviceOptions } from './service-options.js'

/** What `createBouncer` takes. */
export const libraryOptions = z.strictObject({
  ...decisionOptions.shape,
  ...lapiOptions.shape,
  ...geoOptions.shape,
  ...requestOptions.shape,
  ...capiOptions.shape,
  ...reportOptions.shape,
})

/** All options; the ways in differ only in which of them they can carry. */
export const allOptions = z.strictObject({ ...libraryOptions.shape, ...serviceOptions.shape })

export type OptionName = keyof typeof allOptions.shape

export const optionNames = Object.keys(allOptions.shape) as readonly OptionName[]

export function infoOf(name: OptionName): OptionInfo {
  return requiredInfo(name, allOptions.shape[name])
}

/** What `createBouncer` takes: camelCase, durations as text or milliseconds. `docs/options.md` tells what each means. */
export type BouncerOptions = z.input<typeof libraryOptions>

export type LogLevel = z.output<typeof allOptions>['logLevel']
