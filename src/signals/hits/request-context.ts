/** What may be told of a blocked request, and under which keys CrowdSec's console knows it. */

import type { HitContext } from './hit-entry.js'

/** Without those that were not asked for, or that a request does not have. */
export interface RequestContext {
  readonly method?: string | undefined
  /** Without the query. */
  readonly path?: string | undefined
  readonly user_agent?: string | undefined
  /** Of the answer. */
  readonly status?: string | undefined
  readonly host?: string | undefined
  /** Without the question mark. */
  readonly query?: string | undefined
  /** The header, as it came. */
  readonly cookies?: string | undefined
}

export type RequestContextName = keyof RequestContext

export const REQUEST_CONTEXT = [
  'method',
  'path',
  'user_agent',
  'status',
  'host',
  'query',
  'cookies',
] as const satisfies readonly RequestContextName[]

/** What the engine's own contexts of HTTP scenarios call them (crowdsecurity/http_base of the hub). */
export function consoleKey(name: string): string {
  if (name === 'path') return 'target_uri'
  return name === 'host' ? 'target_fqdn' : name
}

/** One blocked request. Nothing of it is read before it is asked for. */
export interface BlockedRequest {
  read(name: RequestContextName): string | undefined
}

/** The part of a blocked request that is told, straight from it. */
export class PlainContext implements HitContext {
  readonly keys: readonly RequestContextName[]
  readonly #request: BlockedRequest

  constructor(keys: readonly RequestContextName[], request: BlockedRequest) {
    this.keys = keys
    this.#request = request
  }

  read(key: RequestContextName): string | undefined {
    return this.#request.read(key)
  }
}
