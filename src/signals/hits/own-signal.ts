/** What users tell of an attack that they saw themselves: a failed login, a visit to a honeypot. */

import { requireKnownFields } from '../../capi/signals/known-fields.js'
import { BouncerError } from '../../errors.js'
import { familyOf } from '../../net/address.js'
import { quoted } from '../../quoted.js'
import type { Hit } from './hit-entry.js'

export interface OwnSignal {
  readonly address: string
  /** One of `capiScenarios`. */
  readonly scenario: string
  /** One sentence for those who look at the alert. Default: address, scenario and how many there were. */
  readonly message?: string | undefined
  /** What else is worth knowing, such as `{ username: 'bob' }`. A few keys and texts are kept, cut to 200 characters. */
  readonly context?: Readonly<Record<string, string | undefined>> | undefined
  /** When it was; default now. As a number, Unix milliseconds. */
  readonly at?: Date | number | undefined
}

const FIELDS = Object.keys({
  address: true,
  scenario: true,
  message: true,
  context: true,
  at: true,
} satisfies Record<keyof OwnSignal, true>)

const LONGEST_MESSAGE = 500
const LATEST = Date.UTC(9999, 11, 31)
/** Half a character and NUL, which servers and databases refuse. */
const UNSTORABLE = /[\p{Surrogate}\0]/gu

/** Throws `ERR_CSB_BAD_ADDRESS` and `ERR_CSB_SIGNAL`. `now` in Unix milliseconds. */
export function readOwnSignal(signal: OwnSignal, scenarios: ReadonlySet<string>, now: number): Hit {
  const {
    address,
    scenario,
    message = '',
    context = {},
    at = now,
  } = isObject(signal) ? signal : refuse('signal', 'an object', signal)
  requireKnownFields(signal, FIELDS)
  if (familyOf(address) === 0) {
    throw new BouncerError('ERR_CSB_BAD_ADDRESS', `address: expected an IP address, got ${shown(address)}`)
  }
  if (!scenarios.has(scenario)) refuse('scenario', `one of capiScenarios (${[...scenarios].join(', ')})`, scenario)
  if (typeof message !== 'string') refuse('message', 'a text', message)
  const time = at instanceof Date ? at.getTime() : at
  if (!(typeof time === 'number' && time >= 0 && time <= LATEST)) refuse('at', 'a Date or Unix milliseconds', at)
  if (!isObject(context) || Array.isArray(context)) refuse('context', 'an object with texts', context)
  for (const [key, text] of Object.entries(context)) {
    if (key === '' || (typeof text !== 'string' && text !== undefined)) refuse(`context.${key}`, 'a text', text)
  }
  return {
    kind: 'reported',
    address,
    scenario,
    action: '',
    origin: '',
    type: '',
    message: message.slice(0, LONGEST_MESSAGE).replace(UNSTORABLE, '\ufffd'),
    context: { keys: Object.keys(context), read: (key) => context[key] },
    at: time,
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function refuse(field: string, expected: string, value: unknown): never {
  throw new BouncerError('ERR_CSB_SIGNAL', `${field}: expected ${expected}, got ${shown(value)}`)
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (value === null || value === undefined) return String(value)
  return value instanceof Date ? 'an invalid Date' : `a ${typeof value}`
}
