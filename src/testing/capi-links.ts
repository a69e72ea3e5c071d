/** Links to blocklists and allowlists: addresses that carry a signature, and what a download of one gets. */

import { createHash, randomBytes } from 'node:crypto'
import type { CapiAnswer, CapiExchange } from './capi-answer.js'
import {
  type Allowlist,
  type Blocklist,
  type CapiLists,
  type LinkedList,
  type ListKind,
  listText,
} from './capi-lists.js'
import { inPieces } from './text-pieces.js'

export class CapiLinks {
  readonly #lists: CapiLists
  readonly #secret = randomBytes(16)

  constructor(lists: CapiLists) {
    this.#lists = lists
  }

  /** `origin` without a trailing slash. */
  urlOf(kind: ListKind, name: string, origin: string): string {
    const path = `/${kind}/${encodeURIComponent(name)}`
    return `${origin}${path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host&X-Amz-Signature=${this.#sign(path)}`
  }

  /** Null where the path is none of ours. */
  download({ request, path, query }: CapiExchange): CapiAnswer | null {
    const [, kind, name = ''] = /^\/(blocklists|allowlists)\/([^/]+)$/.exec(path) ?? []
    if (kind === undefined) return null
    if (request.method !== 'GET') return refusal(405, 'MethodNotAllowed')
    // A store of signed addresses takes one way of authentication, and has one in the query already.
    if (request.headers.authorization !== undefined) return refusal(400, 'InvalidArgument')
    if (query.get('X-Amz-Signature') !== this.#sign(path)) return refusal(403, 'SignatureDoesNotMatch')
    const held: Map<string, LinkedList<Blocklist | Allowlist>> = this.#lists[
      kind === 'blocklists' ? kind : 'allowlists'
    ]
    const list = held.get(decodeURIComponent(name))
    if (!list) return refusal(404, 'NoSuchKey')
    // HTTP dates hold whole seconds.
    const modified = Math.floor(list.updatedAt / 1000) * 1000
    const headers = { 'Last-Modified': new Date(modified).toUTCString() }
    const since = Date.parse(request.headers['if-modified-since'] ?? '')
    if (since >= modified) return { status: 304, type: 'text/plain', headers, body: '' }
    return { status: 200, type: 'text/plain', headers, body: inPieces(listText(list.content)) }
  }

  #sign(path: string): string {
    return createHash('sha256').update(this.#secret).update(path).digest('hex')
  }
}

function refusal(status: number, code: string): CapiAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`
  return { status, type: 'application/xml', body }
}
