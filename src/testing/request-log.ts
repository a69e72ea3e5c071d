/** Every request that a fake server got, and a way to wait for the next one instead of sleeping. */

import { EventEmitter } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'

export interface LoggedRequest {
  readonly method: string
  /** Path and query as sent. */
  readonly url: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Unpacked where it came gzipped; empty where there was none. */
  readonly body: string
  /** Unix milliseconds of the fake's clock at arrival. */
  readonly at: number
  /** Null until answered, and for good where the connection was dropped without an answer. */
  readonly status: number | null
}

type Match = (request: LoggedRequest) => boolean
const any: Match = () => true

export class RequestLog {
  readonly #entries: LoggedRequest[] = []
  readonly #events = new EventEmitter().setMaxListeners(0)

  get entries(): readonly LoggedRequest[] {
    return this.#entries
  }

  /** Notes an arrival. The returned function notes its end. */
  arrived(request: Omit<LoggedRequest, 'status'>): (status: number | null) => void {
    const entry = { ...request, status: null as number | null }
    this.#entries.push(entry)
    this.#events.emit('arrived', entry)
    return (status) => {
      entry.status = status
      this.#events.emit('finished', entry)
    }
  }

  next(event: 'arrived' | 'finished', match: Match = any): Promise<LoggedRequest> {
    return new Promise((resolve) => {
      const listener = (entry: LoggedRequest) => {
        if (!match(entry)) return
        this.#events.off(event, listener)
        resolve(entry)
      }
      this.#events.on(event, listener)
    })
  }
}
