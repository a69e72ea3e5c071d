/**
 * Downloads the lists that CAPI links to. The links are signed for anybody who has them: no Authorization goes with them (it
 * would break the signature), and no message holds their query. A list that does not arrive whole does not count.
 */

import { isIP, type LookupFunction } from 'node:net'
import { BouncerError } from '../../errors.js'
import { ContentCodingError } from '../../http/content-coding.js'
import { HttpClient, type HttpResponse } from '../../http/http-client.js'
import { isSpecialPurpose } from '../../net/special-purpose.js'
import { quoted } from '../../quoted.js'
import { CapiError } from '../capi-error.js'
import { ListText } from './list-text.js'
import { privateAddress, publicLookup } from './public-lookup.js'

export interface LinkedListsOptions {
  readonly userAgent: string
  /** Whether links may point to private, loopback and other addresses that nobody on the internet has. */
  readonly allowPrivateLinks: boolean
  /** Whether links may be http. Then whoever stands in between can say who is blocked. */
  readonly allowHttp: boolean
  /** Which addresses these are. Default: all with a special purpose (IANA). */
  readonly isPrivate?: (address: string) => boolean
  /** Asks for addresses in place of the system. */
  readonly lookup?: LookupFunction
  /** Milliseconds for each answer. Default 5 minutes. */
  readonly deadline?: number
}

export interface ListDownload {
  /** For messages. */
  readonly name: string
  readonly url: string
  /** Unix milliseconds of the last good download, where that is still held: an unchanged list is then not sent again. */
  readonly since: number | null
  readonly signal: AbortSignal
}

/** Many times the largest list that CrowdSec offers. Of what is unpacked. */
const MOST_BYTES = 64 << 20
const MOST_LINES = 5_000_000
const MOST_REDIRECTS = 3
const REDIRECTS = [301, 302, 303, 307, 308]
const BLOCK = 65_536
const LINE_FEED = 10

export class LinkedLists {
  readonly #options: LinkedListsOptions
  readonly #lookup: LookupFunction | undefined
  readonly #isRefused: (address: string) => boolean

  constructor(options: LinkedListsOptions) {
    const { allowPrivateLinks, isPrivate = isSpecialPurpose, lookup } = options
    this.#options = options
    this.#isRefused = allowPrivateLinks ? () => false : isPrivate
    this.#lookup = allowPrivateLinks ? lookup : publicLookup(isPrivate, lookup)
  }

  /** Null where the list is as it was. Throws `ERR_CSB_CAPI_LINK`, or the signal's reason when it is aborted. */
  async download(request: ListDownload): Promise<ListText | null> {
    try {
      return await this.#follow(request)
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason
      const isOurs = error instanceof BouncerError || error instanceof ContentCodingError
      const reason = isOurs ? error.message : String(error)
      const status = error instanceof CapiError ? (error.status ?? undefined) : undefined
      const message = `The list ${quoted(request.name, 100)} cannot be had: ${reason}`
      throw new CapiError('ERR_CSB_CAPI_LINK', message, { status, cause: error })
    }
  }

  async #follow(request: ListDownload): Promise<ListText | null> {
    let url = this.#checked(request.url)
    for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
      const answer = await this.#fetch(url, request)
      if (!(answer instanceof URL)) return answer
      url = answer
    }
    throw new CapiError('ERR_CSB_CAPI_LINK', `more than ${MOST_REDIRECTS} redirects`)
  }

  /** The list, null for an unchanged one, or where it is now. Each host has a client of its own, for one request. */
  async #fetch(url: URL, { since, signal }: ListDownload): Promise<ListText | null | URL> {
    const { userAgent, deadline = 300_000 } = this.#options
    const headers = { 'user-agent': userAgent }
    const client = new HttpClient({ baseUrl: url.origin, headers, lookup: this.#lookup, gzip: true })
    try {
      // A date of HTTP holds whole seconds, and the list may have changed in the second of the last download, after it.
      const condition = since === null ? {} : { 'if-modified-since': new Date(since - 1000).toUTCString() }
      // The dot keeps a path that begins with two slashes from being taken for another host.
      const path = `.${url.pathname}${url.search}`
      const response = await client.get({ path, headers: condition, deadline, signal })
      if (response.status === 200) return new ListText(await readAll(response))
      response.discard()
      if (response.status === 304 && since !== null) return null
      const { location } = response.headers
      if (REDIRECTS.includes(response.status) && typeof location === 'string') return this.#checked(location, url)
      throw new CapiError('ERR_CSB_CAPI_LINK', `${shown(url)} answered with status ${response.status}`, {
        status: response.status,
      })
    } finally {
      await client.close()
    }
  }

  #checked(text: string, base?: URL): URL {
    const { allowHttp } = this.#options
    if (!URL.canParse(text, base?.href)) throw new CapiError('ERR_CSB_CAPI_LINK', 'the link is not a URL')
    const url = new URL(text, base)
    if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')) {
      const message = `the link is ${url.protocol.slice(0, 20)} and not https (http is taken where capi_url is http)`
      throw new CapiError('ERR_CSB_CAPI_LINK', message)
    }
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    if (isIP(host) !== 0 && this.#isRefused(host)) throw privateAddress(host)
    return url
  }
}

/** In blocks of one size, whatever the pieces in which it comes: a list of 64 MiB in pieces of a byte would fill the memory. */
async function readAll(response: HttpResponse): Promise<readonly Uint8Array[]> {
  const blocks: Uint8Array[] = []
  let block = new Uint8Array(0)
  let filled = 0
  let bytes = 0
  let lines = 0
  for await (const chunk of response.body) {
    bytes += chunk.length
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, at + 1)) lines++
    if (bytes > MOST_BYTES || lines > MOST_LINES) {
      throw new CapiError('ERR_CSB_CAPI_LINK', `it is larger than ${MOST_BYTES} bytes or ${MOST_LINES} lines`)
    }
    for (let from = 0; from < chunk.length; ) {
      if (filled === block.length) {
        block = new Uint8Array(BLOCK)
        blocks.push(block)
        filled = 0
      }
      const piece = chunk.subarray(from, from + block.length - filled)
      block.set(piece, filled)
      filled += piece.length
      from += piece.length
    }
  }
  return [...blocks.slice(0, -1), block.subarray(0, filled)]
}

/** Without its query, which is signed, and without what it may say of users. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`.slice(0, 200)
}
