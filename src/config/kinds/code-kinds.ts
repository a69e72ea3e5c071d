/** The kinds of value that only code can give, as zod schemas: functions, and objects known by their shape. */

import { z } from 'zod'
import type { GeoResolver } from '../../geo/geo-resolver.js'
import type { Logger } from '../../logger.js'
import type { Source } from '../../sources/source.js'
import { refuseNamesakes } from './option-kinds.js'

/** What it takes and returns is typed where it is used. */
export function codeFunction<Signature>() {
  return z.custom<Signature>((value) => typeof value === 'function')
}

/** The user's logger, by its shape. */
export const loggerShape = z.custom<Logger>((value) => hasMethods(value, ['debug', 'info', 'warn', 'error']))

/** The user's own resolver, by its shape. */
export const geoResolverShape = z.custom<GeoResolver>((value) => hasMethods(value, ['locate']))

/** The user's own sources, by their shape. */
export const sourceList = z.array(z.custom<Source>(isSource)).superRefine(refuseNamesakes).readonly()

/** By its shape: a test environment may have a class of its own. */
export const abortSignalShape = z.custom<AbortSignal>(
  (value) => hasMethods(value, ['addEventListener', 'removeEventListener']) && 'aborted' in value,
)

function isSource(value: unknown): boolean {
  return hasMethods(value, ['start', 'stop']) && 'name' in value && typeof value.name === 'string' && value.name !== ''
}

function hasMethods(value: unknown, names: readonly string[]): value is object {
  if (typeof value !== 'object' || value === null) return false
  return names.every((name) => typeof Reflect.get(value, name) === 'function')
}
