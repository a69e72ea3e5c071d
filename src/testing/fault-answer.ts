/** Faults on the wire: those that answer in place of the server, and those that break its own answer off. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerText, type BodyStop, jsonType } from './answer.js'
import type { CapiFault, Fault } from './faults.js'

const page =
  '<!DOCTYPE html>\n<html><head><title>Please log in</title></head><body><h1>Please log in</h1></body></html>\n'

/** Answers in place of the server; false where it answers itself. */
export function answerFault(
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | CapiFault | null,
): boolean {
  switch (fault?.kind) {
    case 'down':
      request.socket.resetAndDestroy()
      return true
    case 'garbage':
      answerText(request, response, 200, fault.body, { 'Content-Type': jsonType })
      return true
    case 'html':
      answerText(request, response, fault.status ?? 200, page, { 'Content-Type': 'text/html; charset=utf-8' })
      return true
    case 'status': {
      const message = fault.status === 403 ? 'access forbidden' : 'fault on demand'
      const body = fault.body ?? JSON.stringify({ message })
      answerText(request, response, fault.status, body, { 'Content-Type': jsonType, ...fault.headers })
      return true
    }
    default:
      return false
  }
}

/** Where a fault stops the server's own body. */
export function bodyStop(fault: Fault | CapiFault | null): BodyStop | undefined {
  return fault?.kind === 'cut' || fault?.kind === 'stall'
    ? { afterBytes: fault.afterBytes, how: fault.kind }
    : undefined
}
