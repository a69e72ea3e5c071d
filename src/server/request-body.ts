/** Reads a request's body as text, within a limit. */

import type { IncomingMessage } from 'node:http'

/** `aborted`: the client is gone, there is nobody to answer. `flood`: it keeps sending, the connection is better cut. */
export type RequestBody =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'flood' }
  | { readonly kind: 'aborted' }

/**
 * Never rejects. A body above the limit is read on and dropped up to 32 times the limit, because a client that is cut off
 * while it sends sees a broken connection in place of the 413.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<RequestBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= limit) chunks.push(chunk)
      else if (length > limit * 32) resolve({ kind: 'flood' })
      else chunks.length = 0
    })
    request.on('end', () => {
      resolve(length > limit ? { kind: 'too-large' } : { kind: 'text', text: Buffer.concat(chunks).toString('utf8') })
    })
    request.on('error', () => resolve({ kind: 'aborted' }))
    request.on('close', () => resolve({ kind: 'aborted' }))
  })
}
