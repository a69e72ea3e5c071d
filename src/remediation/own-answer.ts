/** The answer that a user's `banAnswer` gives, checked and completed: nothing of it can break the framework that sends it. */

import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Answer } from './answer.js'

/** `content-length` is ours, and so is what would contradict it. */
const OURS = new Set(['content-length', 'transfer-encoding'])

/** Not kept in caches unless it says otherwise. Throws a `TypeError` that says what was expected. */
export function readOwnAnswer(value: unknown): Answer {
  if (typeof value !== 'object' || value === null) throw expected('{ status, headers, body }', value)
  const { status, headers, body }: { status?: unknown; headers?: unknown; body?: unknown } = value
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) {
    throw expected('an HTTP status from 200 to 599 as status', status)
  }
  if (typeof body !== 'string') throw expected('a text as body', body)
  return { status, headers: { 'cache-control': 'no-store', ...readHeaders(headers), ...lengthOf(body) }, body }
}

function readHeaders(headers: unknown): Record<string, string> {
  if (headers === undefined) return {}
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw expected('an object with texts as headers', headers)
  }
  const read: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name)
    if (typeof value !== 'string') throw expected(`a text as the header ${name}`, value)
    validateHeaderValue(name, value)
    if (!OURS.has(name.toLowerCase())) read[name.toLowerCase()] = value
  }
  return read
}

function lengthOf(body: string): { readonly 'content-length': string } {
  return { 'content-length': String(Buffer.byteLength(body)) }
}

function expected(what: string, value: unknown): TypeError {
  const got = value instanceof Promise ? 'a promise' : value === null ? 'null' : typeof value
  return new TypeError(`expected ${what}, got ${got}`)
}
