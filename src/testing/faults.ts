/** Faults on demand: what may go wrong with the next answers of a fake server, and the queue that hands them out. */

import type { OutgoingHttpHeaders } from 'node:http'
import type { LoggedRequest } from './request-log.js'

/** What may go wrong with every fake server. */
export type CommonFault =
  /** The connection is reset without an answer. To refuse connections altogether use `down()` of the server. */
  | { readonly kind: 'down' }
  /** The true answer, its first byte `ms` late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** The true head, the first `afterBytes` bytes of the body, then the connection breaks. The body is chunked, so a client can tell. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** As `cut`, but the connection stays open and silent. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** 200 and the JSON content type with any text as body. */
  | { readonly kind: 'garbage'; readonly body: string }
  /** Any status, such as 403, 429 with `Retry-After`, 500. Default body: a JSON message. */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: OutgoingHttpHeaders; readonly body?: string }
  /** The page of a proxy or a captive portal. Default status 200. */
  | { readonly kind: 'html'; readonly status?: number }

/** What may go wrong with a FakeLapi. */
export type Fault =
  | CommonFault
  /** A database error in mid-stream (since 1.5.0): 200, valid JSON, only the first `keep` of `new` (default half), nothing deleted. */
  | { readonly kind: 'truncated'; readonly keep?: number }

/** What may go wrong with a FakeCapi. */
export type CapiFault =
  | CommonFault
  /** The request is processed in full, then the connection is reset without an answer. */
  | { readonly kind: 'lost' }

/** A request that has just come. */
export type Arrival = Omit<LoggedRequest, 'status'>

export interface FaultOptions {
  /** Default: until `heal()`. */
  readonly times?: number
  /** Which requests it strikes. Default: all. */
  readonly match?: (request: Arrival) => boolean
}

/** Faults wait in line; of those that match a request the first strikes, until it has struck as often as asked. */
export class FaultQueue<AnyFault> {
  #line: { readonly fault: AnyFault; readonly match: (request: Arrival) => boolean; left: number }[] = []

  add(fault: AnyFault, { times = Number.POSITIVE_INFINITY, match = () => true }: FaultOptions): void {
    if (!(times >= 1)) throw new RangeError(`times must be 1 or more, got ${times}`)
    this.#line.push({ fault, match, left: times })
  }

  clear(): void {
    this.#line = []
  }

  /** The fault for a request, or null. */
  take(request: Arrival): AnyFault | null {
    const index = this.#line.findIndex(({ match }) => match(request))
    const found = this.#line[index]
    if (!found) return null
    found.left -= 1
    if (found.left <= 0) this.#line.splice(index, 1)
    return found.fault
  }
}
