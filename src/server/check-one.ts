/**
 * `GET /check?ip=A`. Hot: a reverse proxy asks this once per request, so the query is read by hand (no URL object, nothing
 * decoded unless there is a `%`) and the answer is put together from strings.
 */

import type { ServerResponse } from 'node:http'
import { isAddress } from '../net/address.js'
import { quoted } from '../quoted.js'
import type { CheckedBouncer, CheckedDecision, CheckedVerdict } from './checked-bouncer.js'
import { sendJson, sendRefusal } from './json-answer.js'

/** Answers for the `url` of a request whose path is `/check`: at once unless the bouncer has to ask. */
export function answerCheckOne(bouncer: CheckedBouncer, url: string, response: ServerResponse): void | Promise<void> {
  const ip = readIp(url)
  if (ip === null) {
    sendRefusal(response, {
      status: 400,
      code: 'ERR_CSB_BAD_REQUEST',
      message: 'expected one IP address in the query, as in /check?ip=203.0.113.7',
    })
  } else if (isAddress(ip)) {
    const verdict = bouncer.ask(ip)
    if (verdict instanceof Promise) return verdict.then((one) => sendJson(response, 200, checkResult(ip, one)))
    sendJson(response, 200, checkResult(ip, verdict))
  } else {
    sendRefusal(response, {
      status: 400,
      code: 'ERR_CSB_BAD_ADDRESS',
      message: `expected an IPv4 or IPv6 address, got ${quoted(ip)}`,
    })
  }
}

/** The JSON for one address, which is one. */
export function checkResult(ip: string, { action, decision }: CheckedVerdict): string {
  // Only a zone (`fe80::1%...`) lets an address hold what JSON would have to escape.
  const text = ip.includes('%') ? JSON.stringify(ip) : `"${ip}"`
  if (decision === null) return `{"ip":${text},"action":${JSON.stringify(action)},"decision":null}`
  return `{"ip":${text},"action":${JSON.stringify(action)},"decision":${decisionJson(decision)}}`
}

function decisionJson({ id, origin, scenario, scope, value, type, until }: CheckedDecision): string {
  return JSON.stringify({ id, origin, scenario, scope, value, type, until })
}

const ipAt = '/check?ip='.length

/** The value of the one `ip` in the query. `null` for none or for several: which of them counts would be a guess. */
function readIp(url: string): string | null {
  if (!url.includes('&') && url.startsWith('ip=', ipAt - 3)) return decoded(url.slice(ipAt))
  let found: string | null = null
  for (const part of url.slice(url.indexOf('?') + 1).split('&')) {
    if (!part.startsWith('ip=')) continue
    if (found !== null) return null
    found = decoded(part.slice(3))
  }
  return found
}

// What cannot be decoded stays as it is: `fe80::1%eth0`, as people type it, is an address, and all else is refused as such.
function decoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
