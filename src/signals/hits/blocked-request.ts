/** A blocked request of any framework, of which nothing is read before it is wanted. */

import type { BlockedRequest, RequestContextName } from './request-context.js'

/** The part of a framework's reader that is needed. */
export interface ContextReader<Request> {
  header(request: Request, name: string): string | readonly string[] | undefined
  method(request: Request): string
  /** With or without a query. */
  path(request: Request): string
  /** Where `path` is without. */
  query?(request: Request): string | undefined
}

export class ReadRequest<Request> implements BlockedRequest {
  readonly #reader: ContextReader<Request>
  readonly #request: Request
  readonly #status: number

  /** `status`: of the answer. */
  constructor(reader: ContextReader<Request>, request: Request, status: number) {
    this.#reader = reader
    this.#request = request
    this.#status = status
  }

  read(name: RequestContextName): string | undefined {
    switch (name) {
      case 'method':
        return this.#reader.method(this.#request)
      case 'path':
        return beforeQuery(this.#reader.path(this.#request))
      case 'query':
        return this.#reader.query?.(this.#request) ?? queryOf(this.#reader.path(this.#request))
      case 'status':
        return String(this.#status)
      case 'user_agent':
        return this.#header('user-agent')
      case 'host':
        return this.#header('host')
      case 'cookies':
        return this.#header('cookie')
    }
  }

  #header(name: string): string | undefined {
    const value = this.#reader.header(this.#request, name)
    return typeof value === 'string' || value === undefined ? value : value.join(', ')
  }
}

/** A client may also send the fragment, which no browser does. */
function beforeQuery(path: string): string {
  const end = path.search(/[?#]/)
  return end === -1 ? path : path.slice(0, end)
}

function queryOf(path: string): string | undefined {
  const start = path.indexOf('?')
  return start === -1 ? undefined : path.slice(start + 1)
}
