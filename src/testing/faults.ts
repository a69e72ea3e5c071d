/** Faults on demand: what may go wrong with the next answers of a FakeLapi, and the queue that hands them out. */

import type { OutgoingHttpHeaders } from 'node:http'

export type Fault =
  /** The connection is reset without an answer. To refuse connections altogether use `lapi.down()`. */
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
  /** A database error in mid-stream (since 1.5.0): 200, valid JSON, only the first `keep` of `new` (default half), nothing deleted. */
  | { readonly kind: 'truncated'; readonly keep?: number }
  /** The page of a proxy or a captive portal. Default status 200. */
  | { readonly kind: 'html'; readonly status?: number }

/** Faults wait in line; the first strikes until it has struck as often as asked. */
export class FaultQueue {
  #line: { readonly fault: Fault; left: number }[] = []

  add(fault: Fault, times: number): void {
    if (!(times >= 1)) throw new RangeError(`times must be 1 or more, got ${times}`)
    this.#line.push({ fault, left: times })
  }

  clear(): void {
    this.#line = []
  }

  /** The fault for a request to `path`, or null. A truncation waits for a stream request. */
  take(path: string): Fault | null {
    const first = this.#line[0]
    if (!first || (first.fault.kind === 'truncated' && path !== '/v1/decisions/stream')) return null
    first.left -= 1
    if (first.left <= 0) this.#line.shift()
    return first.fault
  }
}
