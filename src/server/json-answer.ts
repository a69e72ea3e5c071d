/** Every JSON answer of the service, and its one form of an error. */

import type { ServerResponse } from 'node:http'
import type { BouncerErrorCode } from '../errors.js'
import type { Logger } from '../logger.js'

/**
 * Sends a body that is JSON already. Hot: two fixed headers and the length as one flat array, one write.
 * Node leaves the body away where the request is a HEAD.
 */
export function sendJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, [
    'content-type',
    'application/json',
    'cache-control',
    'no-store',
    'content-length',
    String(Buffer.byteLength(body)),
  ])
  response.end(body)
}

/** What a client is told of a request that was not answered. */
export interface Refusal {
  readonly status: number
  readonly code: BouncerErrorCode
  readonly message: string
}

export function sendRefusal(response: ServerResponse, { status, code, message }: Refusal): void {
  sendJson(response, status, JSON.stringify({ error: { code, message } }))
}

/** 405, with the methods that would have been right. */
export function sendWrongMethod(response: ServerResponse, method: string | undefined, allowed: string): void {
  response.setHeader('allow', allowed)
  sendRefusal(response, {
    status: 405,
    code: 'ERR_CSB_BAD_REQUEST',
    message: `expected the method ${allowed.replace(/, (?=\w+$)/, ' or ')}, got ${method}`,
  })
}

/** 500 to the client without a word of what happened; the logger gets that. */
export function sendFailure(response: ServerResponse, error: unknown, logger: Logger): void {
  logger.error(
    `check service: a request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  )
  if (response.headersSent) response.destroy()
  else sendRefusal(response, { status: 500, code: 'ERR_CSB_INTERNAL', message: 'the request could not be answered' })
}
