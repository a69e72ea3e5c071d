/** `crowdsec-bouncer check`: asks a running check service about one address. */

import { BouncerError, type BouncerErrorCode, bouncerErrorCodes } from '../errors.js'
import { oneLine } from './terminal-text.js'

/** What the service said: its JSON, a line for people, and whether the address may pass. */
export interface CheckAnswer {
  readonly json: string
  readonly line: string
  readonly isAllowed: boolean
}

const timeout = 5_000

/** Throws a `BouncerError`: the service's own for a bad address, `ERR_CSB_CONNECT` or `ERR_CSB_TIMEOUT` where it is not there. */
export async function askService(address: string, serviceUrl: string): Promise<CheckAnswer> {
  const { status, body } = await get(checkUrl(serviceUrl, address))
  const content = parsed(body)
  const error = field(content, 'error')
  if (error !== undefined) throw new BouncerError(codeOf(field(error, 'code')), String(field(error, 'message')))
  const action = field(content, 'action')
  if (status !== 200 || typeof action !== 'string') {
    throw new BouncerError('ERR_CSB_CONNECT', `what answers at ${serviceUrl} is no check service (status ${status})`)
  }
  const line = oneLine(`${address}: ${action}${reason(field(content, 'decision'))}`)
  return { json: JSON.stringify(content), line, isAllowed: action === 'allow' }
}

function checkUrl(serviceUrl: string, address: string): URL {
  const base = URL.canParse(serviceUrl) ? new URL(serviceUrl) : null
  if (base === null || !/^https?:$/.test(base.protocol) || base.username !== '' || base.password !== '') {
    throw new BouncerError('ERR_CSB_CONFIG', '--url: expected an http or https URL such as http://127.0.0.1:8088')
  }
  const url = new URL('check', base.href.endsWith('/') ? base : `${base.href}/`)
  url.searchParams.set('ip', address)
  return url
}

async function get(url: URL): Promise<{ readonly status: number; readonly body: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeout), redirect: 'manual' })
    return { status: response.status, body: await response.text() }
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'TimeoutError') {
      throw new BouncerError('ERR_CSB_TIMEOUT', `${url.origin} did not answer within ${timeout / 1_000} s`, { cause })
    }
    throw new BouncerError('ERR_CSB_CONNECT', `nothing answers at ${url.origin} (${systemCode(cause)})`, { cause })
  }
}

// fetch hides the system's error behind one or two of its own.
function systemCode(error: unknown): string {
  const cause = field(error, 'cause')
  return String(field(cause, 'code') ?? field(cause, 'message') ?? field(error, 'message'))
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}

function codeOf(text: unknown): BouncerErrorCode {
  return bouncerErrorCodes.find((code) => code === text) ?? 'ERR_CSB_CONNECT'
}

function reason(decision: unknown): string {
  if (typeof decision !== 'object' || decision === null) return ''
  const of = (name: string) => String(field(decision, name))
  return ` (${of('scenario')} from ${of('origin')} on ${of('value')}, until ${of('until')})`
}

function field(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, name) : undefined
}
