/** `POST /check` with `{"ips":[...]}`: up to 1,000 addresses, answered in their order, all or none. */

import type { ServerResponse } from 'node:http'
import { isAddress } from '../net/address.js'
import { quoted } from '../quoted.js'
import { checkResult } from './check-one.js'
import type { CheckedBouncer } from './checked-bouncer.js'
import { type Refusal, sendJson, sendRefusal } from './json-answer.js'

const mostAddresses = 1_000
/** Addresses of one request about which a LAPI is asked at a time. */
const mostQuestions = 16

/** Answers for the body of the request: at once unless the bouncer has to ask. */
export function answerCheckMany(bouncer: CheckedBouncer, body: string, response: ServerResponse): void | Promise<void> {
  const read = readAddresses(body)
  if ('code' in read) return sendRefusal(response, read)
  const results: string[] = []
  const send = () => sendJson(response, 200, `{"results":[${results.join(',')}]}`)
  const waiting = judgeAll(bouncer, read.ips, results)
  return waiting.length === 0 ? send() : Promise.all(waiting).then(send)
}

/** Fills `results` in the order of the addresses; when the promises are fulfilled, or there are none, they are all there. */
function judgeAll(bouncer: CheckedBouncer, ips: readonly string[], results: string[]): readonly Promise<void>[] {
  let next = 0
  const judgeOn = (): Promise<void> | null => {
    while (next < ips.length) {
      const place = next++
      const ip = ips[place]
      const verdict = bouncer.ask(ip)
      if (verdict instanceof Promise) {
        return verdict.then((one) => {
          results[place] = checkResult(ip, one)
          return judgeOn() ?? undefined
        })
      }
      results[place] = checkResult(ip, verdict)
    }
    return null
  }
  return Array.from({ length: mostQuestions }, judgeOn).filter((waiting) => waiting !== null)
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
