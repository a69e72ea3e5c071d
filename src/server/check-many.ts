/** `POST /check` with `{"ips":[...]}`: up to 1,000 addresses, answered in their order, all or none. */

import type { ServerResponse } from 'node:http'
import { isAddress } from '../net/address.js'
import { checkResult } from './check-one.js'
import type { CheckedBouncer } from './checked-bouncer.js'
import { quoted, type Refusal, sendJson, sendRefusal } from './json-answer.js'

const mostAddresses = 1_000

/** Answers for the body of the request. */
export function answerCheckMany(bouncer: CheckedBouncer, body: string, response: ServerResponse): void {
  const read = readAddresses(body)
  if ('code' in read) sendRefusal(response, read)
  else sendJson(response, 200, `{"results":[${read.ips.map((ip) => checkResult(bouncer, ip)).join(',')}]}`)
}

function readAddresses(body: string): { readonly ips: readonly string[] } | Refusal {
  const content = parsed(body)
  const ips = typeof content === 'object' && content !== null && 'ips' in content ? content.ips : null
  if (!Array.isArray(ips)) return badRequest('expected a JSON body such as {"ips":["203.0.113.7"]}')
  if (ips.length > mostAddresses) return badRequest(`expected at most ${mostAddresses} addresses, got ${ips.length}`)
  const wrong = ips.findIndex((ip) => typeof ip !== 'string' || !isAddress(ip))
  if (wrong === -1) return { ips }
  const ip: unknown = ips[wrong]
  const got = typeof ip === 'string' ? quoted(ip) : quoted(JSON.stringify(ip))
  return {
    status: 400,
    code: 'ERR_CSB_BAD_ADDRESS',
    message: `ips[${wrong}]: expected an IPv4 or IPv6 address as text, got ${got}`,
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}

function badRequest(message: string): Refusal {
  return { status: 400, code: 'ERR_CSB_BAD_REQUEST', message }
}
